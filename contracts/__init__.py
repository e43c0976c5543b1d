"""What the parts agree on: columns and units, errors, settings, metrics, clock and the database."""
