"""The model as an MLflow model beside its run: our folder as its artifact, loaded by code, never a pickle."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from pandas.errors import Pandas4Warning

from contracts.model_metadata import ModelMetadata
from systems.versions import library_versions

ARTIFACT = "native"
PACKAGES = ("conf", "contracts", "systems")
"""What answering a prediction stands on: travels with the model, so that it answers without a checkout."""

REQUIREMENTS = ("mlflow", "numpy", "pandas", "pydantic", "pyyaml")
VERSIONS_CHECK = "warn_dependency_requirement_mismatches"
PROGRESS_BAR = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"


@dataclass(frozen=True)
class LoggedModel:
    """A model that MLflow keeps, by its id."""

    model_id: str

    @property
    def model_uri(self) -> str:
        """The MLflow model."""
        return f"models:/{self.model_id}"

    @property
    def artifact_uri(self) -> str:
        """The folder in it with the native files and metadata.json."""
        return f"{self.model_uri}/artifacts/{ARTIFACT}"


def log_model(folder: Path, metadata: ModelMetadata, *, libraries: Sequence[str]) -> LoggedModel:
    """Log `folder` (made by systems.model.save_model, called ARTIFACT) under the active run.

    It belongs before the run's figures: MLflow copies those that are there to the model, with a query for each.
    Requirements and signature are given, because MLflow would spend seconds in a subprocess to guess them. Features are
    float64 columns: MLflow refuses a float64 value in a float32 column.
    """
    with _quiet(), _sure_of_versions():
        info = mlflow.pyfunc.log_model(
            name=metadata.system,
            python_model=str(Path(__file__).with_name("pyfunc_model.py")),
            artifacts={ARTIFACT: str(folder)},
            code_paths=[str(Path(str(importlib.import_module(name).__file__)).parent) for name in PACKAGES],
            signature=_signature(metadata.features),
            input_example=_example(metadata),
            pip_requirements=_requirements(libraries),
            tags=_tags(metadata),
        )
    return LoggedModel(info.model_id)


def _signature(features: list[str]) -> ModelSignature:
    double = DataType.double
    return ModelSignature(
        inputs=Schema([ColSpec(double, name) for name in features]),
        outputs=Schema([ColSpec(double, name) for name in ("predicted", "low", "high")]),
    )


def _example(metadata: ModelMetadata) -> pd.DataFrame | None:
    """The first golden rows that lack nothing: MLflow loads the model and predicts them before it keeps it."""
    rows = [row.features for row in metadata.golden_rows if None not in row.features.values()]
    return pd.DataFrame(rows[:3], columns=metadata.features, dtype="float64") if rows else None


def _requirements(libraries: Sequence[str]) -> list[str]:
    versions = library_versions([*REQUIREMENTS, *libraries])
    return [f"{name}=={value}" for name, value in versions.items() if name != "python"]


def _tags(metadata: ModelMetadata) -> Mapping[str, Any]:
    return {
        "system": metadata.system,
        "target": metadata.target,
        "feature_set": metadata.feature_set,
        "feature_set_hash": metadata.feature_set_hash,
        "build_id": str(metadata.build_id),
        "dataset_sha256": metadata.dataset_sha256,
    }


@contextmanager
def _sure_of_versions() -> Iterator[None]:
    """Without MLflow's look at what is installed, which reads the files of every package: our requirements are that."""
    # the modules themselves: `mlflow.pyfunc` may still be a stand-in that loads it when asked
    places = [importlib.import_module(name) for name in ("mlflow.utils.environment", "mlflow.pyfunc")]
    checks = [getattr(place, VERSIONS_CHECK) for place in places]
    try:
        for place in places:
            setattr(place, VERSIONS_CHECK, lambda _: None)
        yield
    finally:
        for place, check in zip(places, checks, strict=True):
            setattr(place, VERSIONS_CHECK, check)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without MLflow's progress bars and hints, and sys.path as it was: trying the example adds to it."""
    path, bar = list(sys.path), os.environ.get(PROGRESS_BAR)
    os.environ[PROGRESS_BAR] = "false"
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Operation with range is deprecated", category=Pandas4Warning)
            warnings.filterwarnings("ignore", message=".*An input example was not provided.*", category=UserWarning)
            yield
    finally:
        sys.path[:] = path
        os.environ.pop(PROGRESS_BAR)
        if bar is not None:
            os.environ[PROGRESS_BAR] = bar
