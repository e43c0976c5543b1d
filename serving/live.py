"""A model that may answer: which version it is, where its files are, and that they proved themselves."""

from __future__ import annotations

import shutil
import timeit
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from contracts.errors import RefusedError, UnavailableError
from contracts.feature_set import FeatureSet
from contracts.home import Home
from contracts.model_metadata import folder_sha256
from features.feature_sets import load_feature_set
from registry.artifacts import fetch_artifacts
from registry.stages import Stage
from registry.versions import ModelVersion, list_versions, stages
from serving.faults import NoProductionError, UnknownSystemError
from systems.model import Model, load_model

Floats = npt.NDArray[np.float64]

NOT_IN_PRODUCTION = "No version of {} is in Production."
PROMOTE = "Promote one: `tipoff promote`."


@dataclass(frozen=True)
class LiveModel:
    """A verified model with its version as registered; every answer comes wholly from one such object.

    `seconds_of_one` and `seconds_of_more` are what the prediction of one row took here, and each further one about.
    """

    version: ModelVersion
    stage: Stage
    model: Model
    feature_set: FeatureSet
    seconds_of_one: float
    seconds_of_more: float

    @cached_property
    def feature_names(self) -> frozenset[str]:
        """The features of the set, those that the model leaves out included."""
        return frozenset(self.feature_set.names)

    @cached_property
    def names(self) -> list[str]:
        """The features of the set, in order."""
        return self.feature_set.names

    @cached_property
    def columns(self) -> list[int]:
        """Where the features that the model reads, in its order, stand among those of the set."""
        places = {name: place for place, name in enumerate(self.names)}
        return [places[name] for name in self.model.metadata.features]

    def seconds_for(self, n_rows: int) -> float:
        """What a prediction of so many rows takes about, as measured when it was loaded."""
        return self.seconds_of_one + n_rows * self.seconds_of_more

    @cached_property
    def bounds(self) -> tuple[Floats, Floats]:
        """The declared (lows, highs) of the set's features; infinite where there is none."""
        features = self.feature_set.features
        lows = [-np.inf if each.low is None else each.low for each in features]
        highs = [np.inf if each.high is None else each.high for each in features]
        return np.array(lows, dtype=np.float64), np.array(highs, dtype=np.float64)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What every answer says of the model."""
        return {
            "target": self.version.target,
            "system": self.version.system,
            "model_version": self.version.version,
            "model_sha256": self.version.sha256,
            "stage": str(self.stage),
            "feature_set": self.version.feature_set,
        }


def _time(model: Model) -> tuple[float, float]:
    """Seconds of one golden row's prediction, and of each further one; the quickest of three times."""
    rows = model.metadata.golden_rows
    matrix = np.array([[row.features[name] for name in model.metadata.features] for row in rows], dtype=np.float64)
    one, together = (
        min(timeit.repeat(partial(model.predict, part), number=1, repeat=3)) for part in (matrix[:1], matrix)
    )
    return one, max(together - one, 0.0) / max(len(rows) - 1, 1)


def resolve_version(engine: sa.Engine, model_name: str, system: str) -> tuple[ModelVersion, Stage]:
    """The version that `system` names, and its stage: production, staging, version:N, or a system's newest version in
    Production or Staging, else its newest registered.

    Raises NoProductionError for production while there is none, UnknownSystemError where nothing answers to the name.
    """
    standing = stages(engine, model_name)
    candidates = [
        version
        for version in list_versions(engine, model_name)
        if version.version in standing and _answers_to(system, version, standing[version.version])
    ]
    staged = [each for each in candidates if standing[each.version] in (Stage.PRODUCTION, Stage.STAGING)]
    found = max(staged or candidates, key=lambda version: version.version, default=None)
    if found is not None:
        return found, standing[found.version]
    if system == "production":
        raise NoProductionError(NOT_IN_PRODUCTION.format(model_name), remedy=PROMOTE)
    raise UnknownSystemError(
        f"No version of {model_name} answers to the system {system!r}.",
        remedy="`tipoff registry list` names the versions, their systems and stages.",
    )


def load_live(version: ModelVersion, stage: Stage, home: Home) -> LiveModel:
    """`version`, which stands in `stage`, fetched and verified: checksum, golden rows, feature set.

    Raises RefusedError where one of them does not hold, UnavailableError where the files cannot be fetched.
    """
    feature_set = load_feature_set(version.feature_set)
    if feature_set.hash != version.feature_set_hash:
        raise RefusedError(
            f"Version {version.version} was trained on {version.feature_set} as {version.feature_set_hash[:12]}, "
            f"and this code defines it as {feature_set.hash[:12]}.",
            remedy="Train again: `tipoff train`.",
        )
    model = load_model(_fetch(version, home), version.sha256)
    if model.metadata.feature_set_hash != version.feature_set_hash:
        raise RefusedError(
            f"Version {version.version} is registered with another feature set than its files name.",
            remedy="Train again: `tipoff train`.",
        )
    strange = set(model.metadata.features) - set(feature_set.names)
    if strange:
        raise RefusedError(
            f"Version {version.version} reads {', '.join(sorted(strange))}, which {feature_set.name} has not.",
            remedy="Train again: `tipoff train`.",
        )
    return LiveModel(version, stage, model, feature_set, *_time(model))


def resolve_live(engine: sa.Engine, home: Home, model_name: str, system: str) -> LiveModel:
    """The verified model that `system` names, for a process that asks once.

    Raises what `resolve_version` and `load_live` raise.
    """
    return load_live(*resolve_version(engine, model_name, system), home)


def _answers_to(system: str, version: ModelVersion, stage: Stage) -> bool:
    if system in ("production", "staging"):
        return stage == Stage(system.capitalize())
    if system.startswith("version:"):
        return version.version == int(system.removeprefix("version:"))
    return version.system == system


def _fetch(version: ModelVersion, home: Home) -> Path:
    """The folder of the version's files, in the cache by their checksum; one that was damaged there is fetched anew."""
    folder = home.cache / version.sha256
    try:
        if folder.is_dir() and folder_sha256(folder) != version.sha256:
            shutil.rmtree(folder)
        return fetch_artifacts(home, version.artifact_uri, folder)
    except OSError as error:  # a full disk, a folder that may not be written
        raise UnavailableError(
            f"The files of version {version.version} cannot be kept in {home.cache}: {error.strerror or error}.",
            remedy="Make room and see that TIPOFF_HOME may be written.",
        ) from error
