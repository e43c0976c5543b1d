"""A model: a fitted system with all that binds it to its data, in a folder that proves itself when loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from contracts.errors import RefusedError, UnavailableError, UsageError
from contracts.model_metadata import METADATA_FILE, GoldenRow, ModelMetadata, folder_sha256
from systems.base import Contributions, Floats, System
from systems.catalog import system_class
from systems.residuals import Residuals
from systems.versions import library_versions

TRAIN_AGAIN = "Train the model again: `tipoff train`."


@dataclass(frozen=True)
class Predictions:
    """`point` float64 (n,) and its 80 % interval `low`, `high`; NaN in all three where it cannot be predicted."""

    point: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Model:
    """A fitted system and what is said of it.

    `metadata.features` are the columns of every matrix given to it, in order.
    """

    system: System
    metadata: ModelMetadata

    def predict(self, matrix: Floats) -> Predictions:
        """The predictions for a float64 matrix (n, len(metadata.features)), NaN = missing.

        Raises ValueError for a matrix of another shape or with an infinite value.
        """
        point = self.system.predict(matrix)
        low, high = self.residuals.interval(point)
        return Predictions(point, low, high)

    def over_probability(self, point: Floats, line: Floats) -> Floats:
        """Probability (0-1) that the result is above `line`, given the prediction `point`; NaN where either is."""
        return self.residuals.over_probability(point, line)

    def explain(self, matrix: Floats) -> Contributions:
        """What moved each prediction, column by column of `metadata.features`, and the base they start from."""
        return self.system.contributions(matrix)

    @cached_property
    def residuals(self) -> Residuals:
        """The distribution of actual - predicted that the metadata keeps."""
        said = self.metadata
        return Residuals(np.array(said.bands, float), np.array(said.residual_quantiles, float), said.residual_growth)


def save_model(model: Model, folder: Path) -> str:
    """Write the native files and metadata.json into `folder` (made; must be empty) and return the folder's SHA-256.

    metadata.json then has the SHA-256 of the native files.

    Raises ValueError where the folder holds something or the metadata does not fit the system, UnavailableError where
    there is no room for them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty")
    if model.metadata.features != model.system.features_used or model.metadata.system != model.system.name:
        raise ValueError("the metadata is about another system or other features")
    try:
        model.system.save(folder)
        model.metadata.model_copy(update={"sha256": folder_sha256(folder)}).save(folder)
    except OSError as error:  # a full disk
        raise UnavailableError(
            f"The files of model {model.metadata.model_id} cannot be kept in {folder}: {error.strerror or error}.",
            remedy="Make room or give access; then run this again.",
        ) from error
    return folder_sha256(folder)


def load_model(folder: Path, expected_sha256: str | None = None) -> Model:
    """The model in `folder`, after its checksum (if expected) and its golden rows held.

    Raises RefusedError where a file is absent, the checksum differs, or a golden row comes out differently in any bit.
    """
    _check_sum(folder, expected_sha256)
    metadata = ModelMetadata.load(folder)
    _check_native_files(folder, metadata)
    try:
        kind = system_class(metadata.system)
    except UsageError as error:
        raise RefusedError(f"{folder} holds a model of a system that is not there: {error.message}") from error
    model = Model(kind.load(folder), metadata)
    if model.system.features_used != metadata.features:
        raise RefusedError(f"{folder}: the native files name other features than metadata.json.", remedy=TRAIN_AGAIN)
    check_golden_rows(model)
    return model


def make_golden_rows(names: list[str], matrix: Floats, predicted: Floats, *, most: int = 20) -> list[GoldenRow]:
    """Up to `most` rows of `matrix` (n, features called `names`), spread over all that can be predicted, each with its
    exact prediction, of `predicted` (n,).
    """
    possible = np.flatnonzero(np.isfinite(predicted))
    chosen = possible[np.unique(np.linspace(0, len(possible) - 1, min(most, len(possible))).astype(int))]
    return [
        GoldenRow(
            features={
                name: None if np.isnan(value) else float(value) for name, value in zip(names, matrix[row], strict=True)
            },
            predicted=float(predicted[row]),
        )
        for row in chosen
    ]


def check_golden_rows(model: Model) -> None:
    """Nothing, if every golden row comes out to the bit.

    Raises RefusedError naming the first row that does not, and the library versions then and now; or if there is none.
    """
    rows = model.metadata.golden_rows
    if not rows:
        raise RefusedError(
            f"Model {model.metadata.model_id} has no golden rows to prove itself with.", remedy=TRAIN_AGAIN
        )
    matrix = np.array([[_value(row, name) for name in model.metadata.features] for row in rows], dtype=np.float64)
    expected = np.array([row.predicted for row in rows])
    predicted = model.system.predict(matrix.reshape(len(rows), -1))
    wrong = np.flatnonzero(predicted.view(np.uint64) != expected.view(np.uint64))
    if len(wrong):
        first = int(wrong[0])
        then, now = model.metadata.library_versions, library_versions(list(model.metadata.library_versions))
        changed = [f"{name} {then[name]} -> {now.get(name, 'absent')}" for name in then if then[name] != now.get(name)]
        raise RefusedError(
            f"Model {model.metadata.model_id}: golden row {first} gives {predicted[first]!r} here and gave "
            f"{expected[first]!r} when it was trained ({len(wrong)} of {len(rows)} rows differ; "
            f"libraries: {', '.join(changed) or 'the same: ' + _listed(then)}).",
            remedy="Install the versions it was trained with, or train it again: `tipoff train`.",
        )


def _check_sum(folder: Path, expected: str | None) -> None:
    found = folder_sha256(folder) if folder.is_dir() else None
    if found is None:
        raise RefusedError(f"{folder} is absent.", remedy=TRAIN_AGAIN)
    if expected is not None and found != expected:
        raise RefusedError(
            f"{folder} has SHA-256 {found}, and {expected} was registered: its files are not those that were trained.",
            remedy="Restore the folder, or train the model again: `tipoff train`.",
        )


def _check_native_files(folder: Path, metadata: ModelMetadata) -> None:
    found = folder_sha256(folder, but=METADATA_FILE)
    if metadata.sha256 is not None and found != metadata.sha256:
        raise RefusedError(
            f"The native files of {folder} have SHA-256 {found}, and its metadata.json says {metadata.sha256}.",
            remedy="Restore the folder, or train the model again: `tipoff train`.",
        )


def _value(row: GoldenRow, name: str) -> float:
    if name not in row.features:
        raise RefusedError(f"A golden row lacks the feature {name!r}.", remedy=TRAIN_AGAIN)
    value = row.features[name]
    return np.nan if value is None else value


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in versions.items())
