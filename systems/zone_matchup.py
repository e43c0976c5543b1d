"""zone_matchup: the player's form, moved by how the opponent defends his zone and by the pace of the game."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from contracts.errors import UsageError
from contracts.settings import Section
from systems.base import Contributions, Floats, Rows, System
from systems.least_absolute import nonnegative_slopes
from systems.state import read_state, write_state

FILE = "zone_matchup.json"

ZONE, PACE = "shot_zone_mismatch_score", "pace_score"


class Fitted(Section):
    """What was learnt: `slopes` of `features`, each at least 0, in the target's unit per unit of the feature."""

    features: list[str]
    slopes: list[float]


class ZoneMatchup(System):
    """prediction = s x average of the last 10 + k x zone score + m x pace score; it estimates the median.

    - zone score (shot_zone_mismatch_score, -10 to 10): what the opponent allows in the player's zone above the
      league's percentage, in percentage points, weighted by his usage; positive is good for the shooter, so k >= 0.
    - pace score (pace_score, -3 to 3): half of what the game's expected pace is above the league's, in possessions
      per 48 minutes; a faster game is more shots, so m >= 0.
    - s >= 0 scales the average, because means stand above the medians of skewed counts.

    All three are learnt together by least absolute deviations under those signs (systems/least_absolute.py), so a
    score without use in training gets 0 and can never be turned round. A missing score counts as 0, no effect; without
    the average it cannot predict.
    """

    name = "zone_matchup"
    estimates = "median"
    libraries = ("numpy", "scipy")

    _fitted: Fitted

    def choose_features(self, available: Sequence[str], target: str) -> list[str]:
        """The average, then those of the two scores that are there.

        Raises UsageError where the average or both scores are not there.
        """
        form = f"{target}_avg_last_10"
        scores = [name for name in (ZONE, PACE) if name in available]
        if form not in available or not scores:
            raise UsageError(
                f"zone_matchup needs {form} and at least one of {ZONE}, {PACE}; the rows have not.",
                remedy="Choose a feature set with them: v2_33features has.",
            )
        return [form, *scores]

    def fit(self, train: Rows, tune: Rows, *, features: list[str], target: str, seed: int) -> None:
        """Learn the slopes from the rows of `train` that have the average.

        Raises ValueError where there are none.
        """
        known = np.isfinite(train.matrix[:, 0])
        slopes = nonnegative_slopes(np.nan_to_num(train.matrix[known], nan=0.0), train.target[known])
        self._features = list(features)
        self._fitted = Fitted(features=features, slopes=slopes.tolist())

    def predict(self, matrix: Floats) -> Floats:
        """The moved form; NaN where the average is missing."""
        parts = self._parts(self._checked(matrix))
        return np.asarray(np.cumsum(parts, axis=1)[:, -1], dtype=np.float64)

    def contributions(self, matrix: Floats) -> Contributions:
        """Base 0; each feature its slope times its value."""
        parts = self._parts(self._checked(matrix))
        return Contributions(base=np.zeros(len(parts)), by_feature=parts)

    def save(self, folder: Path) -> None:
        """Write zone_matchup.json."""
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

    def _parts(self, matrix: Floats) -> Floats:
        """Slope times value, (n, k); a missing score is 0, a missing average stays NaN."""
        values = matrix.copy()
        values[:, 1:] = np.nan_to_num(values[:, 1:], nan=0.0)
        return np.asarray(values * np.array(self._fitted.slopes), dtype=np.float64)
