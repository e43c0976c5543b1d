"""moving_average: the player's recent form, adjusted for the game's pace and the opponent's defence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field

from contracts.errors import UsageError
from contracts.settings import Section
from systems.base import Contributions, Floats, Rows, System
from systems.least_absolute import nonnegative_slopes, slope_through_origin
from systems.state import read_state, write_state

FILE = "moving_average.json"

TEAM_PACE, OPPONENT_PACE, DEFENCE = "team_pace_last_10", "opponent_pace", "opponent_def_rating"


class MovingAverageParameters(Section):
    """Which averages of the target are blended; those that the rows do not have are left out."""

    averages: list[str] = Field(
        ["{target}_avg_last_5", "{target}_avg_last_10", "{target}_avg_season"],
        min_length=1,
        description="columns, {target} standing for the target",
    )


class Fitted(Section):
    """What was learnt: `weights` of `averages` sum to 1; `pace` and `defence` are elasticities in quarters, 0-4."""

    features: list[str]
    averages: list[str]
    weights: list[float]
    pace: int
    defence: int
    mean_defence: float
    scale: float


class MovingAverage(System):
    """prediction = scale x form x pace factor x defence factor, in the target's unit; it estimates the median.

    - form = sum of w_i x average_i: a convex combination of the last 5, the last 10 and the season's games. An
      average that is missing leaves its weight to the others in proportion; where those have none, they count
      equally; without any average it cannot predict.
    - pace factor = ((team pace + opponent's pace) / 2 / team pace) ^ a: a game is played at about the mean of what
      both are used to, possessions per 48 minutes (D. Oliver, Basketball on Paper, 2004). Above 1 against a faster
      opponent.
    - defence factor = (opponent's points allowed per 100 possessions / their mean in training) ^ b: above 1 against a
      weak defence. A factor with a missing part is 1.
    - Learnt by least absolute deviations: the weights first, then a and b in 0, 1/4, ..., 1 together, and for each
      the scale, the median of target / form weighted by form (Koenker 2005). The scale is needed because means stand
      above the medians of skewed counts. Quarters need square roots only, which every machine rounds alike.
    """

    name = "moving_average"
    estimates = "median"
    libraries = ("numpy", "scipy")
    parameters_class = MovingAverageParameters

    _fitted: Fitted

    def choose_features(self, available: Sequence[str], target: str) -> list[str]:
        """The averages that are there, and what pace and defence are told by, where it is.

        Raises UsageError where no average is there.
        """
        averages = self._averages(target)
        if not set(averages) & set(available):
            raise UsageError(
                f"moving_average needs one of {', '.join(averages)}; the rows have none of them.",
                remedy="Choose a feature set with one, or name its averages in conf/systems/moving_average.yaml.",
            )
        return [name for name in available if name in {*averages, TEAM_PACE, OPPONENT_PACE, DEFENCE}]

    def fit(self, train: Rows, tune: Rows, *, features: list[str], target: str, seed: int) -> None:
        """Learn weights, elasticities and scale from `train`.

        Raises ValueError where no row of it has every average.
        """
        averages = [name for name in self._averages(target) if name in features]
        values = train.matrix[:, [features.index(name) for name in averages]]
        whole = np.isfinite(values).all(axis=1)
        slopes = nonnegative_slopes(values[whole], train.target[whole])
        weights = slopes / slopes.sum() if slopes.sum() > 0 else np.full(len(averages), 1 / len(averages))
        defence = train.matrix[:, features.index(DEFENCE)] if DEFENCE in features else np.empty(0)
        known = defence[np.isfinite(defence)]
        self._features = list(features)
        self._fitted = Fitted(
            features=features,
            averages=averages,
            weights=weights.tolist(),
            pace=0,
            defence=0,
            mean_defence=float(known.mean()) if len(known) else 1.0,
            scale=1.0,
        )
        self._fit_factors(train)

    def predict(self, matrix: Floats) -> Floats:
        """The scaled and adjusted form; NaN where no average is known."""
        matrix = self._checked(matrix)
        pace, defence = self._factors(matrix)
        return self._fitted.scale * self._form(matrix) * pace * defence

    def contributions(self, matrix: Floats) -> Contributions:
        """Base 0; each average its share of the scaled form; then what the pace adds to it, then what the defence adds.

        The pace's part stands with the opponent's pace: it is he who differs from what the team is used to.
        """
        matrix = self._checked(matrix)
        pace, defence = self._factors(matrix)
        values, shares = self._shares(matrix)
        parts = np.zeros_like(matrix)
        scaled = self._fitted.scale * self._form(matrix)
        for name, value, share in zip(self._fitted.averages, values.T, shares.T, strict=True):
            parts[:, self._place(name)] = np.where(share > 0, self._fitted.scale * share * value, 0.0)
        if OPPONENT_PACE in self._fitted.features:
            parts[:, self._place(OPPONENT_PACE)] = scaled * (pace - 1)
        if DEFENCE in self._fitted.features:
            parts[:, self._place(DEFENCE)] = scaled * pace * (defence - 1)
        return Contributions(base=np.where(np.isnan(scaled), np.nan, 0.0), by_feature=parts)

    def save(self, folder: Path) -> None:
        """Write moving_average.json."""
        self.features_used  # noqa: B018 raises where nothing is fitted
        write_state(self._fitted, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it back.

        Raises RefusedError where the file is absent or damaged.
        """
        system = cls()
        system._fitted = read_state(Fitted, folder / FILE)
        system._features = list(system._fitted.features)
        system.set_threads(1)
        return system

    def _fit_factors(self, train: Rows) -> None:
        """The pair of elasticities with the least absolute error, the smallest of equals, and its scale."""
        form = self._form(train.matrix)
        rows = np.isfinite(form) & (form > 0)
        least = np.inf
        bare = self._fitted
        for pace, defence in product(range(5), range(5)):
            self._fitted = bare.model_copy(update={"pace": pace, "defence": defence})
            adjusted = (form * np.multiply(*self._factors(train.matrix)))[rows]
            scale = slope_through_origin(adjusted, train.target[rows])
            error = float(np.abs(train.target[rows] - scale * adjusted).sum())
            if error < least:
                least, best = error, self._fitted.model_copy(update={"scale": scale})
        self._fitted = best

    def _form(self, matrix: Floats) -> Floats:
        """The blended averages (n,), NaN where none is known; column by column, so that a row's bits are its own."""
        values, shares = self._shares(matrix)
        form = np.zeros(len(matrix))
        for value, share in zip(values.T, shares.T, strict=True):
            form += np.where(share > 0, share * value, 0.0)
        return np.where(np.isfinite(values).any(axis=1), form, np.nan)

    def _shares(self, matrix: Floats) -> tuple[Floats, Floats]:
        """(averages, their weights among those that are known), both (n, number of averages)."""
        values = matrix[:, [self._place(name) for name in self._fitted.averages]]
        known = np.isfinite(values)
        weights = np.where(known, np.array(self._fitted.weights), 0.0)
        total = np.cumsum(weights, axis=1)[:, -1:]
        equal = known / np.maximum(np.cumsum(known, axis=1)[:, -1:], 1)
        return values, np.where(total > 0, weights / np.where(total > 0, total, 1.0), equal)

    def _factors(self, matrix: Floats) -> tuple[Floats, Floats]:
        """(pace factor, defence factor), (n,) each, 1 where a part is missing."""
        team, opponent, defence = (self._column(matrix, name) for name in (TEAM_PACE, OPPONENT_PACE, DEFENCE))
        pace = _quarters((team + opponent) / 2 / team, self._fitted.pace)
        return pace, _quarters(defence / self._fitted.mean_defence, self._fitted.defence)

    def _column(self, matrix: Floats, name: str) -> Floats:
        if name not in self._fitted.features:
            return np.full(len(matrix), np.nan)
        return matrix[:, self._place(name)]

    def _place(self, name: str) -> int:
        return self._fitted.features.index(name)

    def _averages(self, target: str) -> list[str]:
        assert isinstance(self.parameters, MovingAverageParameters)  # noqa: S101 told to the type checker
        return [name.format(target=target) for name in self.parameters.averages]


def _quarters(ratio: Floats, quarters: int) -> Floats:
    """ratio ^ (quarters / 4), 1 where the ratio is not known or not above 0."""
    root = np.sqrt(np.sqrt(np.where(ratio > 0, ratio, 1.0)))
    power = np.ones_like(root)
    for _ in range(quarters):
        power = power * root
    return power
