"""How far results fall from predictions: the distribution of actual - predicted, band by band of the prediction.

Errors grow with the prediction and are skewed, so each band keeps its own quantiles: intervals and the probability of
going over a line are read off them. Ends of intervals are cut at 0, because every target is a count; the point
prediction itself is never altered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contracts.errors import UsageError
from systems.base import Floats

LEVELS: Floats = np.arange(1, 100) / 100
"""The levels of the quantiles that are kept: 0.01 to 0.99."""

MAX_BANDS = 10
ROWS_A_BAND = 500
MIN_ROWS = 20


@dataclass(frozen=True)
class Residuals:
    """The quantiles of actual - predicted at LEVELS, one row a band: `edges` (b - 1,) ascending, `quantiles` (b, 99).

    Band i holds predictions with edges[i - 1] <= prediction < edges[i].
    """

    edges: Floats
    quantiles: Floats

    def interval(self, point: Floats, level: float = 0.8) -> tuple[Floats, Floats]:
        """Central interval of the result at `level` (0 < level <= 0.98): (low, high).

        Both are at least 0, and NaN for a NaN point. Raises ValueError for another level.
        """
        if not 0 < level <= 0.98:
            raise ValueError(f"level {level} is not within 0 and 0.98")
        quantiles = self.quantiles[self._band(point)]
        low = point + _at_level(quantiles, (1 - level) / 2)
        high = point + _at_level(quantiles, (1 + level) / 2)
        return np.maximum(low, 0.0), np.maximum(high, 0.0)

    def over_probability(self, point: Floats, line: Floats) -> Floats:
        """Probability (0.01 to 0.99) that the result is above `line`, a result on it counted half.

        NaN where either is NaN. The kept quantiles say nothing beyond their ends, so neither does this.
        """
        point, line = np.broadcast_arrays(np.asarray(point, dtype=np.float64), np.asarray(line, dtype=np.float64))
        probability = np.full(point.shape, np.nan)
        known = np.isfinite(point) & np.isfinite(line)
        bands = self._band(point)
        for band in np.unique(bands[known]):
            rows = known & (bands == band)
            values, levels = _distribution(self.quantiles[band])
            probability[rows] = 1 - np.interp(line[rows] - point[rows], values, levels)
        return probability

    def _band(self, point: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
        return np.searchsorted(self.edges, np.nan_to_num(point, nan=0.0), side="right")


def fit_residuals(actual: Floats, predicted: Floats) -> Residuals:
    """The residuals' distribution: bands of equal size by the prediction, at most 10 and none under about 500 rows.

    Rows without a prediction are left out. Raises UsageError where fewer than 20 are left.
    """
    known = np.isfinite(predicted)
    actual, predicted = actual[known], predicted[known]
    if len(actual) < MIN_ROWS:
        raise UsageError(
            f"{len(actual)} rows to learn the spread of results from; at least {MIN_ROWS} are needed.",
            remedy="Give a longer training span: --train-from, --train-to.",
        )
    edges = _edges(predicted)
    bands = np.searchsorted(edges, predicted, side="right")
    errors = actual - predicted
    quantiles = np.stack([np.quantile(errors[bands == band], LEVELS) for band in range(len(edges) + 1)])
    return Residuals(edges=edges, quantiles=quantiles)


def _edges(predicted: Floats) -> Floats:
    """Inner edges that are predictions themselves, so that no band is empty."""
    n_bands = int(np.clip(len(predicted) // ROWS_A_BAND, 1, MAX_BANDS))
    edges = np.unique(np.quantile(predicted, np.arange(1, n_bands) / n_bands, method="lower"))
    return np.asarray(edges[edges > predicted.min()], dtype=np.float64)


def _at_level(quantiles: Floats, level: float) -> Floats:
    """Each row's quantile at `level`, linear between the kept levels."""
    position = float(np.clip(level * 100 - 1, 0, len(LEVELS) - 1))
    below = int(position)
    above = min(below + 1, len(LEVELS) - 1)
    share = position - below
    return np.asarray((1 - share) * quantiles[:, below] + share * quantiles[:, above], dtype=np.float64)


def _distribution(quantiles: Floats) -> tuple[Floats, Floats]:
    """(values strictly ascending, levels): a value that several levels share gets their mean."""
    values, where = np.unique(quantiles, return_inverse=True)
    return values, np.bincount(where, weights=LEVELS) / np.bincount(where)
