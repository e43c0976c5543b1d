"""The connection to MLflow's store: a client whose errors are ours, and addresses resolved by it.

MLflow is imported where it is used: that takes seconds, and a service that fetches local files never needs it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from contracts.errors import UnavailableError
from contracts.home import Home

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOGGED_MODEL = re.compile(r"models:/(?P<id>m-[0-9a-f]+)(?:/(?P<path>.+))?")
"""A logged model's address, with a path in it or without."""

PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
"""MLflow's own waits for minutes where its server is away; who sets these variables is obeyed."""


@contextmanager
def answering(home: Home) -> Iterator[MlflowClient]:
    """A client on the home's store; whatever it or the store raises inside becomes an UnavailableError."""
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        yield MlflowClient(tracking_uri=home.tracking_uri, registry_uri=home.tracking_uri)
    except (MlflowException, sa.exc.SQLAlchemyError, OSError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UnavailableError(
            f"MLflow at {shown(home.tracking_uri)} does not do it: {shown(first_line)}",
            remedy="Check MLFLOW_TRACKING_URI and that the server is up; then `tipoff registry repair`.",
        ) from error


def ensure_model(client: MlflowClient, name: str) -> None:
    """Make the registered model, unless it is there."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, tags={"tipoff": "registry"})
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def resolve(client: MlflowClient, uri: str) -> str:
    """A logged model's address ('models:/m-123/path') as the place where its files lie; any other as it is."""
    logged = LOGGED_MODEL.fullmatch(uri)
    if logged is None:
        return uri
    location = str(client.get_logged_model(logged["id"]).artifact_location).rstrip("/")
    return f"{location}/{logged['path']}" if logged["path"] else location


def shown(uri: str) -> str:
    """`uri` without a password."""
    return re.sub(r"://([^/@:]*):[^/@]*@", r"://\1:***@", uri)
