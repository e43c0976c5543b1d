"""The parameters of each system, one YAML file each."""
