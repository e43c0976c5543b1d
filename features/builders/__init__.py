"""The five builders, one file each, in the order in which they run."""
