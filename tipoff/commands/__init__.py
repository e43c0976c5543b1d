"""The commands, one verb a file; heavy libraries are imported where a command needs them."""
