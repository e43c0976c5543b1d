"""ensemble: other systems' predictions added up, with the weights that would have been best on later dates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field

from contracts.errors import UsageError
from contracts.populations import LINE_TARGET
from contracts.settings import Section
from systems.base import Contributions, Floats, Rows, System
from systems.catalog import create_system, system_class
from systems.points_line import PointsLine
from systems.stacking import Unseen, cut_folds, line_share
from systems.state import read_state, write_state

FILE = "ensemble.json"

LINE = "points_line"
"""The member that answers for itself where it can; the others never see its column."""


class EnsembleParameters(Section):
    """Who is asked, with parameters over their own conf entries, and in how many folds their weights are learnt."""

    n_folds: int = Field(3, ge=1, le=20)
    first_share: float = Field(0.4, gt=0, lt=1, description="share of the dates that the first fold learns from")
    members: dict[str, dict[str, Any]] = Field({"xgboost": {}, "catboost": {}, "perceptron": {}}, min_length=1)


class Fitted(Section):
    """What was learnt: the weight of each member, at least 0; one without weight is not kept.

    `line_share` (0-1) is the line's part of a prediction where one is known; None without the member points_line.
    """

    features: list[str]
    weights: dict[str, float]
    line_share: float | None = None


class Ensemble(System):
    """prediction = sum of w_i x member_i, w_i >= 0, under least absolute deviations; it estimates the median.

    Stacking (D. Wolpert 1992; L. Breiman, Stacked regressions, 1996: non-negative weights), by date: the dates of
    training after the first `first_share` are cut into `n_folds`; each fold is predicted by members fitted on the dates
    before it alone, whose last tenth stops them. The weights minimize the absolute error on all these predictions that
    every member could make (systems/least_absolute.py). They need not sum to 1: a member may estimate a mean, which
    stands above the median. Then the members that have weight are fitted once more on all of training, stopped by
    `tune`. Where members cannot predict a row, the others' weights are raised in proportion to the same sum; where
    none can, neither can it.

    **Lined rows.** The member points_line stands apart. Where it knows a line,

        prediction = s x line + (1 - s) x what the others say,   0 <= s <= 1

    and elsewhere the others answer alone; none of them sees the line's column. Lines may be known for the last few
    weeks of training only, so s begins with a belief: the line has heard all that the others know, and s = 1. Each
    lined row of the folds and of `tune` (on which the members were not fitted) then counts against 1,000 rows of that
    belief: s = (n x e + 1000) / (n + 1000), where e within 0 and 1 is the share with the least absolute error on the n
    rows. That was settled on no season: none with lines came before the one reported on. Where the rows lack the
    column, or the target is another than the line's, points_line is left out.
    """

    name = "ensemble"
    estimates = "median"
    parameters_class = EnsembleParameters

    _fitted: Fitted
    _line: str | None = None

    def __init__(self, parameters: Section | None = None, *, device: str = "cpu") -> None:
        super().__init__(parameters, device=device)
        self._members = self._create_members()
        self.learns_besides = tuple(
            dict.fromkeys(name for one in self._members.values() for name in one.learns_besides)
        )
        self.libraries = tuple(
            dict.fromkeys(["numpy", "scipy", *(name for one in self._members.values() for name in one.libraries)])
        )

    def choose_features(self, available: Sequence[str], target: str) -> list[str]:
        """What any member wants.

        Raises UsageError where a column that a member cannot do without is not there; the line's may be absent.
        """
        line = self._line_column(available, target)
        wanted = {line} | {
            name for one in self._others.values() for name in one.choose_features(_less(available, line), target)
        }
        return [name for name in available if name in wanted]

    def copied_features(self, target: str) -> list[str]:
        """The line's column."""
        return [PointsLine.column(target)] if LINE in self._members else []

    def fit(self, train: Rows, tune: Rows, *, features: list[str], target: str, seed: int) -> None:
        """Learn the weights out of fold, then fit the members that have one on all of `train`.

        Raises ValueError where either block is empty, UsageError where `train` has too few dates for the folds.
        """
        if not len(train) or not len(tune):
            raise ValueError(f"{len(train)} training rows, {len(tune)} tune rows: neither may be empty")
        self._members = self._create_members()
        self._features, self._line = list(features), self._line_column(features, target)
        unseen = self._predict_folds(train, target, seed)
        weights = unseen.weights(list(self._others))
        self._fitted = Fitted(features=features, weights=weights, line_share=None)
        self._members = {name: one for name, one in self._create_members().items() if self._is_kept(name)}
        for member in self._members.values():
            self._fit_member(member, train, tune, target, seed)
        self.set_threads(self.n_threads)
        if self._line:
            self._fitted = self._fitted.model_copy(update={"line_share": self._learn_line_share(unseen, tune)})

    def predict(self, matrix: Floats) -> Floats:
        """The weighted sum, and the line's share of it where there is one; NaN where no member can predict."""
        matrix = self._checked(matrix)
        point, line = self._blend(matrix), self._lines(matrix)
        share = self._line_shares(line, point)
        return np.where(share > 0, share * line, 0.0) + np.where(share < 1, (1 - share) * point, 0.0)

    def contributions(self, matrix: Floats) -> Contributions:
        """The weighted sum of the members' own contributions."""
        matrix = self._checked(matrix)
        base, by_feature = np.full(len(matrix), np.nan), np.zeros_like(matrix)
        for member, _, weight in self._ask_all(matrix):
            rows, places = np.flatnonzero(weight > 0), np.array(self._places(member))
            parts = member.contributions(matrix[np.ix_(rows, places)])
            base[rows] = np.nan_to_num(base[rows], nan=0.0) + weight[rows] * parts.base
            by_feature[np.ix_(rows, places)] += weight[rows, None] * parts.by_feature
        line = self._lines(matrix)
        share = self._line_shares(line, base)
        by_feature *= (1 - share)[:, None]
        if self._line:
            by_feature[:, self.features_used.index(self._line)] = np.where(share > 0, share * line, 0.0)
        return Contributions(base=np.where(share < 1, (1 - share) * base, 0.0), by_feature=by_feature)

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
        names = [name for name, weight in fitted.weights.items() if weight > 0]
        lined = [LINE] if fitted.line_share is not None else []
        system._members = {name: system_class(name).load(folder / name) for name in names + lined}
        system._line = system._members[LINE].features_used[0] if lined else None
        system.set_threads(1)
        return system

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The folds, and every parameter of every member."""
        values = super().hyperparameters
        return values | {"members": {name: one.hyperparameters for name, one in self._create_members().items()}}

    @property
    def weights(self) -> dict[str, float]:
        """Each member's weight where no line is known; points_line has none."""
        return dict(self._fitted.weights)

    @property
    def line_share(self) -> float | None:
        """The line's part of a prediction where one is known; None where points_line is no member."""
        return self._fitted.line_share

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
        if not set(self.parameters.members) - {LINE}:
            raise UsageError(
                f"The ensemble has no members besides {LINE}.", remedy="Name one in conf/systems/ensemble.yaml."
            )
        return {
            name: create_system(name, parameters=values, device=self.device)
            for name, values in self.parameters.members.items()
        }

    @property
    def _others(self) -> dict[str, System]:
        return {name: one for name, one in self._members.items() if name != LINE}

    def _line_column(self, available: Sequence[str], target: str) -> str | None:
        """The column that points_line reads; None where it is no member, or has nothing to read."""
        column = PointsLine.column(target)
        return column if LINE in self._members and target == LINE_TARGET and column in available else None

    def _is_kept(self, name: str) -> bool:
        return bool(self._line) if name == LINE else self._fitted.weights[name] > 0

    def _predict_folds(self, train: Rows, target: str, seed: int) -> Unseen:
        """What the members say of dates that they had not seen."""
        parts = []
        assert isinstance(self.parameters, EnsembleParameters)  # noqa: S101 told to the type checker
        for learnt_from, stopped_by, fold in cut_folds(train, self.parameters.n_folds, self.parameters.first_share):
            self._members = self._create_members()
            for member in self._others.values():
                self._fit_member(member, learnt_from, stopped_by, target, seed)
            predicted = np.stack([self._ask(one, fold.matrix) for one in self._others.values()], axis=1)
            parts.append(Unseen(predicted, self._lines(fold.matrix), fold.target))
        return Unseen.joined(parts)

    def _learn_line_share(self, unseen: Unseen, tune: Rows) -> float:
        """From the folds' rows and from `tune`, where a line and all members' predictions are known."""
        weights = np.array(list(self._fitted.weights.values()))
        point = np.concatenate([unseen.predicted @ weights, self._blend(tune.matrix)])
        line = np.concatenate([unseen.line, self._lines(tune.matrix)])
        actual = np.concatenate([unseen.actual, tune.target])
        known = np.isfinite(point) & np.isfinite(line)
        return line_share(point[known], line[known], actual[known])

    def _lines(self, matrix: Floats) -> Floats:
        return matrix[:, self.features_used.index(self._line)] if self._line else np.full(len(matrix), np.nan)

    def _fit_member(self, member: System, train: Rows, tune: Rows, target: str, seed: int) -> None:
        available = self.features_used if member.name == LINE else _less(self.features_used, self._line)
        chosen = member.choose_features(available, target)
        places = [self.features_used.index(name) for name in chosen]
        blocks = [Rows(rows.matrix[:, places], rows.target, rows.dates) for rows in (train, tune)]
        member.fit(*blocks, features=chosen, target=target, seed=seed)

    def _blend(self, matrix: Floats) -> Floats:
        """What the members but points_line say together, (n,); NaN where none can predict."""
        point, possible = np.zeros(len(matrix)), np.zeros(len(matrix), dtype=bool)
        for _, predicted, weight in self._ask_all(matrix):
            point += np.where(weight > 0, weight * predicted, 0.0)
            possible |= weight > 0
        return np.where(possible, point, np.nan)

    def _ask_all(self, matrix: Floats) -> list[tuple[System, Floats, Floats]]:
        """(member, its predictions, its weight for each row: 0 where it cannot predict), member by member."""
        predicted = [self._ask(member, matrix) for member in self._others.values()]
        weights = [self._fitted.weights[name] for name in self._others]
        whole, there = 0.0, np.zeros(len(matrix))
        for weight, values in zip(weights, predicted, strict=True):
            whole += weight
            there += np.where(np.isfinite(values), weight, 0.0)
        raised = np.divide(whole, there, out=np.zeros(len(matrix)), where=there > 0)
        return [
            (member, values, np.where(np.isfinite(values), weight * raised, 0.0))
            for member, values, weight in zip(self._others.values(), predicted, weights, strict=True)
        ]

    def _line_shares(self, line: Floats, others: Floats) -> Floats:
        """The line's part of each row's prediction, (n,): all where the others say nothing, 0 without a line."""
        share = np.where(np.isfinite(others), self._fitted.line_share or 0.0, 1.0)
        return np.where(np.isfinite(line), share, 0.0)

    def _ask(self, member: System, matrix: Floats) -> Floats:
        return member.predict(matrix[:, self._places(member)])

    def _places(self, member: System) -> list[int]:
        return [self.features_used.index(name) for name in member.features_used]


def _less(names: Sequence[str], gone: str | None) -> list[str]:
    return [name for name in names if name != gone]
