"""What every way to predict must do: fit, predict, explain, save and load, by the names of its columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from contracts.settings import Section

Floats = npt.NDArray[np.float64]
Dates = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Rows:
    """Player-games to learn from.

    `matrix` float64 (n, k), NaN = missing; `target` float64 (n,); `dates` datetime64[D] (n,).

    Raises ValueError where the lengths differ, a target is not finite or a feature is infinite.
    """

    matrix: Floats
    target: Floats
    dates: Dates

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or not len(self.matrix) == len(self.target) == len(self.dates):
            raise ValueError(
                f"matrix {self.matrix.shape}, {len(self.target)} results, {len(self.dates)} dates do not fit"
            )
        if not np.isfinite(self.target).all():
            raise ValueError("a result is missing or infinite: only rows with a result can be learnt from")
        if np.isinf(self.matrix).any():
            raise ValueError("a feature is infinite")

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class Contributions:
    """What moved each prediction: `base` (n,) + `by_feature` (n, k) summed = the prediction, up to float32 rounding."""

    base: Floats
    by_feature: Floats


class NoParameters(Section):
    """The parameters of a system that has none."""


class StopFitting(Exception):
    """Raised by a watcher: this fit is not worth its time."""


Watch = Callable[[int, float], None]
"""Called after each round of a fit with (rounds so far, mean absolute error on the tune block)."""


class System(ABC):
    """One way to predict; made by `systems.catalog.create_system`.

    Duties of a subclass:
    - `predict` depends on nothing but the matrix and what `fit` or `load` left: the same row gives the same bits
      alone or among others, before `save` and after `load`, with any number of threads.
    - `fit` is deterministic by its seed, looks at `tune` for early stopping and the like, and at nothing else.
    - `save` writes native, readable files, never a pickle, and the same bytes for the same state.
    - A row it cannot predict comes back as NaN; it never makes a value up.
    """

    name: ClassVar[str]
    estimates: ClassVar[Literal["median", "mean"]]
    """What the prediction is of the result's distribution; a median of skewed counts has a mean error below 0."""
    learns: ClassVar[bool] = True
    """Whether `fit` takes anything from the rows; if not, no prediction of it can be in-sample."""
    learns_besides: tuple[str, ...] = ()
    """Populations whose rows it learns from besides those of the one that it is trained for. One that predicts every
    row, whatever is missing, must have seen rows that lack it: `played` ones never lack the season's averages."""
    libraries: tuple[str, ...] = ("numpy",)
    """Distributions whose version can change a prediction."""
    parameters_class: ClassVar[type[Section]] = NoParameters

    def __init__(self, parameters: Section | None = None, *, device: str = "cpu") -> None:
        self.parameters: Section = parameters if parameters is not None else self.parameters_class()
        self.device = device
        self.n_threads = 0
        self.watch: Watch | None = None
        self._features: list[str] | None = None

    def choose_features(self, available: Sequence[str], target: str) -> list[str]:
        """The columns of `available` that it wants to be fitted on, in order; all of them unless it says otherwise.

        Raises UsageError where a column that it cannot do without is not there.
        """
        return list(available)

    def copied_features(self, target: str) -> list[str]:
        """Columns that it hands on and learns nothing of: they need no value in the rows that are learnt from."""
        return []

    @abstractmethod
    def fit(self, train: Rows, tune: Rows, *, features: list[str], target: str, seed: int) -> None:
        """Learn from `train`, stopping by `tune`; column i of both matrices is `features[i]`.

        A system that learns in rounds tells each of them to `watch`, where one is set; if that raises StopFitting, so
        does this, and nothing is fitted.
        """

    @abstractmethod
    def predict(self, matrix: Floats) -> Floats:
        """The predictions, float64 (n,), for a float64 matrix (n, len(features_used)).

        NaN in = missing, NaN out = cannot predict.

        Raises ValueError for a matrix of another shape or with an infinite value.
        """

    @abstractmethod
    def contributions(self, matrix: Floats) -> Contributions:
        """What moved each prediction."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write its state into the existing `folder`, in native formats."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """The system that `save` wrote, predicting with one thread.

        Raises RefusedError where a file is absent or unreadable.
        """

    @property
    def features_used(self) -> list[str]:
        """The columns of the matrix that `predict` takes, in order.

        Raises ValueError before `fit` or `load`.
        """
        if self._features is None:
            raise ValueError(f"{self.name} is not fitted")
        return list(self._features)

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The parameters it was made with, plain values."""
        return self.parameters.model_dump()

    @property
    def learning_curve(self) -> list[float]:
        """Mean absolute error on the tune block after each round of fitting; empty where there are no rounds."""
        return []

    def set_threads(self, n_threads: int) -> None:
        """Predict with `n_threads` from now on (0: all there are); a system without threads just notes it."""
        self.n_threads = n_threads

    def _checked(self, matrix: Floats) -> Floats:
        matrix = np.asarray(matrix, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[1] != len(self.features_used):
            raise ValueError(f"{self.name} takes (n, {len(self.features_used)}), not {matrix.shape}")
        if np.isinf(matrix).any():
            column = int(np.flatnonzero(np.isinf(matrix).any(axis=0))[0])
            raise ValueError(f"{self.features_used[column]} is infinite")
        return matrix


def parameters_of(kind: type[System], values: Mapping[str, Any]) -> Section:
    """`values` as the strict parameters of `kind`; pydantic's ValidationError names every fault."""
    return kind.parameters_class.model_validate(dict(values))
