"""The declared feature sets, one YAML file each."""
