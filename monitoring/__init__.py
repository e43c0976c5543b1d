"""Grading and coverage."""
