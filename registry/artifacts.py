"""The files of a version, fetched from wherever they lie, or deleted there.

MLflow and fsspec are imported where they are used: a service that fetches local files never needs them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from contracts.errors import TipoffError, UnavailableError
from contracts.home import Home
from registry.mlflow_client import answering, resolve, shown

OF_MLFLOW = ("runs", "models", "mlflow-artifacts", "dbfs", "http", "https")
"""Schemes of addresses that only MLflow understands; every other is a file system of fsspec's."""


def fetch_artifacts(home: Home, artifact_uri: str, destination: Path) -> Path:
    """The folder at `artifact_uri` copied to `destination`, which is returned; it appears there whole or not at all.

    A destination that is there already is kept: it was put there whole. Local folders are copied, what MLflow alone
    understands (mlflow-artifacts:, runs:, models:, ...) goes through it, everything else (s3:, gs:, az:, ...) through
    fsspec.

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
    if not _is_of_mlflow(artifact_uri):
        _delete_by_fsspec(artifact_uri)
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
    if not _is_of_mlflow(artifact_uri):
        return _fetch_by_fsspec(artifact_uri, scratch / "model")
    from mlflow.artifacts import download_artifacts

    with answering(home) as client:
        path = download_artifacts(
            artifact_uri=resolve(client, artifact_uri),
            dst_path=str(scratch),
            tracking_uri=home.tracking_uri,
            registry_uri=home.tracking_uri,
        )
    return Path(path)


def _fetch_by_fsspec(uri: str, target: Path) -> Path:
    target.mkdir()
    with _file_system(uri) as (files, path):
        if not files.isdir(path):
            raise UnavailableError(
                f"There is no folder {shown(uri)}.",
                remedy="Restore it, or train again: `tipoff train`; from Production `tipoff rollback` leads away.",
            )
        files.get(f"{path.rstrip('/')}/", f"{target}/", recursive=True)
    return target


def _delete_by_fsspec(uri: str) -> None:
    with _file_system(uri) as (files, path):
        if files.exists(path):
            files.rm(path, recursive=True)


@contextmanager
def _file_system(uri: str) -> Iterator[tuple[Any, str]]:
    """The file system that holds `uri`, nothing of it remembered from before, and the path there."""
    import fsspec

    try:
        yield fsspec.url_to_fs(uri, skip_instance_cache=True)
    except ImportError as error:
        raise UnavailableError(
            f"{shown(uri)} cannot be read here: {error}.", remedy="For S3: `pip install 'tipoff[s3]'`."
        ) from error
    except TipoffError:
        raise
    except Exception as error:
        raise UnavailableError(
            f"{shown(uri)} does not answer: {type(error).__name__}: {str(error).strip() or 'nothing said'}",
            remedy="Check the address, the credentials and that the store is up.",
        ) from error


def _is_of_mlflow(uri: str) -> bool:
    return uri.partition(":")[0] in OF_MLFLOW


def local_folder(uri: str) -> Path | None:
    """The folder of a local address, or None for any other."""
    if uri.startswith("file:"):
        return Path(unquote(urlparse(uri).path))
    return Path(uri) if os.path.isabs(uri) else None
