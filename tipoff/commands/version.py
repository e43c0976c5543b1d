"""`tipoff version`."""

from __future__ import annotations

import importlib.metadata

import click

from tipoff.output import emit, json_option, table

LIBRARIES = ("xgboost-cpu", "catboost", "scikit-learn", "mlflow", "bentoml", "polars", "numpy", "pandas", "sqlalchemy")


@click.command()
@json_option
def version(as_json: bool) -> None:
    """Print the version of tipoff and of the libraries that make predictions."""
    versions = {name: importlib.metadata.version(name) for name in ("tipoff", *LIBRARIES)}
    if not as_json:
        table("Versions", ("package", "version"), versions.items())
    emit({"version": versions["tipoff"], "libraries": versions}, as_json=as_json)
