"""The door and the conductor: command line, wiring, demo."""
