"""The daily cycle: its steps, the days that were missed, and when it is due."""
