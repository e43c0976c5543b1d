"""The shipped search spaces: YAML only, read through importlib.resources."""
