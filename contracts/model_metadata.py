"""What a trained model says of itself: written beside its native files, checked before it may answer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from contracts.errors import RefusedError

METADATA_FILE = "metadata.json"


class GoldenRow(BaseModel):
    """Features (None: missing) and the prediction that the model must give for them, to the bit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: dict[str, float | None]
    predicted: float


class ModelMetadata(BaseModel):
    """Everything that binds a model to its data, code and libraries.

    `features` are the columns the model reads, in order (a subset of the set's: absent columns are left out and named
    in `absent_features`). `learns_besides` are the populations that were learned from besides `population`.
    `residual_quantiles` hold, for each band of the prediction, the quantiles of actual - predicted on the tune block,
    in units that grow with the prediction by `residual_growth` (factor, power); `bands` are the inner edges between the
    bands (see systems/residuals.py). `date_range` has the first and the last date that was learned from (None: nothing
    was) and that was validated on. `git_dirty` says whether the code had changes that `git_commit` does not hold (None:
    not known); `sha256` is over the native files, and set when they are saved.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_id: str
    system: str
    target: str
    estimates: str
    feature_set: str
    feature_set_hash: str
    build_id: int
    features: list[str]
    absent_features: list[str]
    training_samples: int
    population: str
    learns_besides: list[str] = []
    train_from: str | None
    train_to: str | None
    tune_from: str | None
    tune_to: str | None
    date_range: dict[str, tuple[str, str] | None] = {}
    hyperparameters: dict[str, Any]
    seed: int
    library_versions: dict[str, str]
    git_commit: str | None
    git_dirty: bool | None = None
    dataset_sha256: str
    results: dict[str, Any]
    bands: list[float]
    residual_quantiles: list[list[float]]
    residual_growth: tuple[float, float] = (1.0, 0.0)
    golden_rows: list[GoldenRow]
    created_at: str
    sha256: str | None = None

    def save(self, folder: Path) -> None:
        """Write `metadata.json` into `folder`."""
        (folder / METADATA_FILE).write_text(json.dumps(self.model_dump(), indent=2, allow_nan=False) + "\n")

    @staticmethod
    def load(folder: Path) -> ModelMetadata:
        """Read it back.

        Raises RefusedError where the file is absent or does not fit.
        """
        path = folder / METADATA_FILE
        if not path.is_file():
            raise RefusedError(f"{path} is absent.", remedy="Train the model again: `tipoff train`.")
        try:
            return ModelMetadata.model_validate_json(path.read_text())
        except ValueError as error:
            raise RefusedError(f"{path} is not a model's metadata: {error}.") from error


def folder_sha256(folder: Path, *, but: str = "") -> str:
    """SHA-256 (hex) over the names and bytes of every file in `folder`, sorted by name, `but` the one of that name.

    Raises RefusedError where there are none.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / but)
    if not files:
        raise RefusedError(f"{folder} holds no model files.", remedy="Train the model again: `tipoff train`.")
    digest = hashlib.sha256()
    for path in files:
        name = path.relative_to(folder).as_posix().encode()
        content = path.read_bytes()
        digest.update(len(name).to_bytes(8, "big") + name + len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()
