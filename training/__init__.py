"""Datasets and splits, evaluation, run logging."""
