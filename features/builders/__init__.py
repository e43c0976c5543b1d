"""The windowing layer, the slate, and the five builders, one file each."""
