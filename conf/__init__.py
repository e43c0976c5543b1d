"""The shipped settings: YAML only, read through importlib.resources."""
