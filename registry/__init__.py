"""Stages, gate, verdict, promotion, rollback, audit; the adapter to the registry of MLflow."""
