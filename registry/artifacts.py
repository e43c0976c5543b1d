"""The files of a version, fetched from wherever they lie, or deleted there.

MLflow is imported where it is used: that takes seconds, and a service that fetches local files never needs it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlparse

from contracts.errors import UnavailableError
from contracts.home import Home
from registry.mlflow_client import answering, resolve


def fetch_artifacts(home: Home, artifact_uri: str, destination: Path) -> Path:
    """The folder at `artifact_uri` copied to `destination`, which is returned; it appears there whole or not at all.

    A destination that is there already is kept: it was put there whole. Local folders are copied without MLflow,
    everything else (s3:, gs:, mlflow-artifacts:, runs:, models:, ...) goes through it.

    Raises UnavailableError where the folder is not there or the store does not answer.
    """
    if destination.is_dir():
        return destination
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=destination.parent) as scratch:
        fetched = _fetch(home, artifact_uri, Path(scratch))
        try:
            fetched.rename(destination)
        except OSError:
            if not destination.is_dir():  # else another process was quicker, with the same files
                raise
    return destination


def delete_artifacts(home: Home, artifact_uri: str) -> None:
    """Nothing is left at `artifact_uri`; where nothing was, nothing happens.

    Raises UnavailableError where the store does not answer.
    """
    local = local_folder(artifact_uri)
    if local is not None:
        shutil.rmtree(local, ignore_errors=not local.exists())
        return
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    with answering(home) as client:
        repository = get_artifact_repository(resolve(client, artifact_uri), tracking_uri=home.tracking_uri)
        if repository.list_artifacts():
            repository.delete_artifacts()  # type: ignore[no-untyped-call]  # MLflow's own


def _fetch(home: Home, artifact_uri: str, scratch: Path) -> Path:
    local = local_folder(artifact_uri)
    if local is not None:
        if not local.is_dir():
            raise UnavailableError(
                f"The model's folder {local} is absent.",
                remedy="Restore it, or train again: `tipoff train`; from Production `tipoff rollback` leads away.",
            )
        return Path(shutil.copytree(local, scratch / "model"))
    from mlflow.artifacts import download_artifacts

    with answering(home) as client:
        path = download_artifacts(
            artifact_uri=resolve(client, artifact_uri),
            dst_path=str(scratch),
            tracking_uri=home.tracking_uri,
            registry_uri=home.tracking_uri,
        )
    return Path(path)


def local_folder(uri: str) -> Path | None:
    """The folder of a local address, or None for any other."""
    if uri.startswith("file:"):
        return Path(unquote(urlparse(uri).path))
    return Path(uri) if os.path.isabs(uri) else None
