"""Systems that read one column and call it their prediction: nothing is fitted."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from contracts.errors import RefusedError, UsageError
from systems.base import Contributions, Floats, Rows, System

FILE = "column.json"


class ColumnSystem(System):
    """Predicts the value of one column; where that is missing it cannot predict."""

    estimates: ClassVar[Literal["median", "mean"]] = "mean"
    learns: ClassVar[bool] = False

    @staticmethod
    @abstractmethod
    def column(target: str) -> str:
        """The column it reads when `target` is predicted."""

    def choose_features(self, available: Sequence[str], target: str) -> list[str]:
        """That one column.

        Raises UsageError where it is not there.
        """
        wanted = self.column(target)
        if wanted not in available:
            raise UsageError(
                f"{self.name} reads the column {wanted!r}, which the rows do not have or which is empty in all of "
                "them.",
                remedy="Choose a feature set with that column: `tipoff features status` names them.",
            )
        return [wanted]

    def copied_features(self, target: str) -> list[str]:
        """That one column."""
        return [self.column(target)]

    def fit(self, train: Rows, tune: Rows, *, features: list[str], target: str, seed: int) -> None:
        """Note the column; the rows are not looked at."""
        if features != [self.column(target)]:
            raise ValueError(f"{self.name} takes {self.column(target)} alone, not {features}")
        self._features = list(features)

    def predict(self, matrix: Floats) -> Floats:
        """The column itself."""
        return self._checked(matrix)[:, 0].copy()

    def contributions(self, matrix: Floats) -> Contributions:
        """The one column moves everything; the base is 0."""
        matrix = self._checked(matrix)
        return Contributions(base=np.zeros(len(matrix)), by_feature=matrix.copy())

    def save(self, folder: Path) -> None:
        """Write the column's name to column.json."""
        (folder / FILE).write_text(json.dumps({"column": self.features_used[0]}) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it back.

        Raises RefusedError where the file is absent or is none of ours.
        """
        system = cls()
        system._features = [_read_column(folder / FILE)]
        return system


def _read_column(path: Path) -> str:
    try:
        content: Any = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise RefusedError(
            f"{path} cannot be read: {error}.", remedy="Train the model again: `tipoff train`."
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("column"), str):
        raise RefusedError(f"{path} names no column.", remedy="Train the model again: `tipoff train`.")
    return str(content["column"])
