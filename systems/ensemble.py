"""ensemble: other systems' predictions added up, with the weights that would have been best on later dates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field

from contracts.errors import UsageError
from contracts.settings import Section
from systems.base import Contributions, Floats, Rows, System
from systems.catalog import create_system, system_class
from systems.least_absolute import nonnegative_slopes
from systems.state import read_state, write_state

FILE = "ensemble.json"

FIRST_SHARE = 0.4
"""Share of the training dates that the first fold learns from."""

TUNE_SHARE = 0.1
"""Last share of the dates a fold learns from: its members' early stopping."""


class EnsembleParameters(Section):
    """Who is asked, with parameters over their own conf entries, and in how many folds their weights are learnt."""

    n_folds: int = Field(3, ge=1, le=20)
    members: dict[str, dict[str, Any]] = Field(
        {"xgboost": {}, "catboost": {}, "similarity": {}, "moving_average": {}, "season_average": {}}, min_length=1
    )


class Fitted(Section):
    """What was learnt: the weight of each member, at least 0; one without weight is not kept."""

    features: list[str]
    weights: dict[str, float]


class Ensemble(System):
    """prediction = sum of w_i x member_i, w_i >= 0, under least absolute deviations; it estimates the median.

    Stacking (D. Wolpert 1992; L. Breiman, Stacked regressions, 1996: non-negative weights), by date: the dates of
    training after the first 40 % are cut into `n_folds`; each fold is predicted by members fitted on the dates before
    it alone, whose last tenth stops them. The weights minimize the absolute error on all these predictions that every
    member could make (systems/least_absolute.py). They need not sum to 1: a member may estimate a mean, which stands
    above the median. Then the members that have weight are fitted once more on all of training, stopped by `tune`.

    Where members cannot predict a row, the others' weights are raised in proportion to the same sum; where none can,
    neither can it.
    """

    name = "ensemble"
    estimates = "median"
    parameters_class = EnsembleParameters

    _fitted: Fitted

    def __init__(self, parameters: Section | None = None, *, device: str = "cpu") -> None:
        super().__init__(parameters, device=device)
        self._members = self._create_members()
        self.libraries = tuple(
            dict.fromkeys(["numpy", "scipy", *(name for one in self._members.values() for name in one.libraries)])
        )

    def choose_features(self, available: Sequence[str], target: str) -> list[str]:
        """What any member wants.

        Raises UsageError where a column that a member cannot do without is not there.
        """
        wanted = {name for one in self._members.values() for name in one.choose_features(available, target)}
        return [name for name in available if name in wanted]

    def fit(self, train: Rows, tune: Rows, *, features: list[str], target: str, seed: int) -> None:
        """Learn the weights out of fold, then fit the members that have one on all of `train`.

        Raises ValueError where either block is empty, UsageError where `train` has too few dates for the folds.
        """
        if not len(train) or not len(tune):
            raise ValueError(f"{len(train)} training rows, {len(tune)} tune rows: neither may be empty")
        self._features = list(features)
        weights = self._learn_weights(train, target, seed)
        self._fitted = Fitted(features=features, weights=weights)
        self._members = {name: one for name, one in self._create_members().items() if weights[name] > 0}
        for member in self._members.values():
            self._fit_member(member, train, tune, target, seed)
        self.set_threads(self.n_threads)

    def predict(self, matrix: Floats) -> Floats:
        """The weighted sum; NaN where no member can predict."""
        matrix = self._checked(matrix)
        point, possible = np.zeros(len(matrix)), np.zeros(len(matrix), dtype=bool)
        for _, predicted, weight in self._ask_all(matrix):
            point += np.where(weight > 0, weight * predicted, 0.0)
            possible |= weight > 0
        return np.where(possible, point, np.nan)

    def contributions(self, matrix: Floats) -> Contributions:
        """The weighted sum of the members' own contributions."""
        matrix = self._checked(matrix)
        base, by_feature = np.full(len(matrix), np.nan), np.zeros_like(matrix)
        for member, _, weight in self._ask_all(matrix):
            rows, places = np.flatnonzero(weight > 0), np.array(self._places(member))
            parts = member.contributions(matrix[np.ix_(rows, places)])
            base[rows] = np.nan_to_num(base[rows], nan=0.0) + weight[rows] * parts.base
            by_feature[np.ix_(rows, places)] += weight[rows, None] * parts.by_feature
        return Contributions(base=base, by_feature=by_feature)

    def save(self, folder: Path) -> None:
        """Write ensemble.json, and each member into a folder of its name."""
        self.features_used  # noqa: B018 raises where nothing is fitted
        write_state(self._fitted, folder / FILE)
        for name, member in self._members.items():
            (folder / name).mkdir()
            member.save(folder / name)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read all of it back.

        Raises RefusedError where a file is absent or damaged, UsageError where a member's system is gone.
        """
        fitted = read_state(Fitted, folder / FILE)
        system = cls()
        system._fitted = fitted
        system._features = list(fitted.features)
        system._members = {
            name: system_class(name).load(folder / name) for name, weight in fitted.weights.items() if weight > 0
        }
        system.set_threads(1)
        return system

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The folds, and every parameter of every member."""
        values = super().hyperparameters
        return values | {"members": {name: one.hyperparameters for name, one in self._create_members().items()}}

    @property
    def weights(self) -> dict[str, float]:
        """Each member's weight."""
        return dict(self._fitted.weights)

    def set_threads(self, n_threads: int) -> None:
        """Predict with `n_threads` from now on, every member."""
        super().set_threads(n_threads)
        for member in self._members.values():
            member.set_threads(n_threads)

    def _create_members(self) -> dict[str, System]:
        """New members, unfitted.

        Raises UsageError for an unknown one, one whose parameters are none, and the ensemble itself.
        """
        assert isinstance(self.parameters, EnsembleParameters)  # noqa: S101 told to the type checker
        if self.name in self.parameters.members:
            raise UsageError("The ensemble cannot be a member of itself.", remedy="See conf/systems/ensemble.yaml.")
        return {
            name: create_system(name, parameters=values, device=self.device)
            for name, values in self.parameters.members.items()
        }

    def _learn_weights(self, train: Rows, target: str, seed: int) -> dict[str, float]:
        """Each member's weight, from predictions of dates that it had not seen."""
        predicted, actual = [], []
        for learnt_from, stopped_by, fold in self._folds(train):
            members = self._create_members()
            for member in members.values():
                self._fit_member(member, learnt_from, stopped_by, target, seed)
            predicted.append(np.stack([self._ask(one, fold.matrix) for one in members.values()], axis=1))
            actual.append(fold.target)
        x, y = np.concatenate(predicted), np.concatenate(actual)
        known = np.isfinite(x).all(axis=1)
        slopes = nonnegative_slopes(x[known], y[known])
        if not slopes.sum() > 0:
            raise ValueError("no member's predictions help: all weights are 0")
        return dict(zip(members, slopes.tolist(), strict=True))

    def _folds(self, train: Rows) -> Iterator[tuple[Rows, Rows, Rows]]:
        """(learnt from, stopped by, predicted), each wholly before the next; no date in two of them.

        Raises UsageError where there are too few dates.
        """
        assert isinstance(self.parameters, EnsembleParameters)  # noqa: S101 told to the type checker
        dates = np.unique(train.dates)
        first = max(2, int(len(dates) * FIRST_SHARE))
        starts = np.linspace(first, len(dates), self.parameters.n_folds + 1).astype(int)
        if (np.diff(starts) < 1).any():
            raise UsageError(
                f"{len(dates)} training dates are too few for the ensemble's {self.parameters.n_folds} folds.",
                remedy="Train on more dates, or lower n_folds in conf/systems/ensemble.yaml.",
            )
        for start, end in pairwise(starts):
            n_tune = max(1, int(start * TUNE_SHARE))
            learnt_from, stopped_by, fold = dates[: start - n_tune], dates[start - n_tune : start], dates[start:end]
            yield _between(train, learnt_from), _between(train, stopped_by), _between(train, fold)

    def _fit_member(self, member: System, train: Rows, tune: Rows, target: str, seed: int) -> None:
        chosen = member.choose_features(self.features_used, target)
        places = [self.features_used.index(name) for name in chosen]
        blocks = [Rows(rows.matrix[:, places], rows.target, rows.dates) for rows in (train, tune)]
        member.fit(*blocks, features=chosen, target=target, seed=seed)

    def _ask_all(self, matrix: Floats) -> list[tuple[System, Floats, Floats]]:
        """(member, its predictions, its weight for each row: 0 where it cannot predict), member by member."""
        predicted = [self._ask(member, matrix) for member in self._members.values()]
        weights = [self._fitted.weights[name] for name in self._members]
        whole, there = 0.0, np.zeros(len(matrix))
        for weight, values in zip(weights, predicted, strict=True):
            whole += weight
            there += np.where(np.isfinite(values), weight, 0.0)
        raised = np.divide(whole, there, out=np.zeros(len(matrix)), where=there > 0)
        return [
            (member, values, np.where(np.isfinite(values), weight * raised, 0.0))
            for member, values, weight in zip(self._members.values(), predicted, weights, strict=True)
        ]

    def _ask(self, member: System, matrix: Floats) -> Floats:
        return member.predict(matrix[:, self._places(member)])

    def _places(self, member: System) -> list[int]:
        return [self.features_used.index(name) for name in member.features_used]


def _between(rows: Rows, dates: np.ndarray[Any, Any]) -> Rows:
    """The rows of `dates`, which are consecutive ones."""
    chosen = (rows.dates >= dates[0]) & (rows.dates <= dates[-1])
    return Rows(rows.matrix[chosen], rows.target[chosen], rows.dates[chosen])
