"""Sources -> raw tables -> five builders -> feature table."""
