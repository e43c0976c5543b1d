"""The gates a build must pass before its rows are written, and the report of it."""
