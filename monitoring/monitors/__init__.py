"""The monitors, one a file: each a pure function from values to readings, with a thin reader beside it."""
