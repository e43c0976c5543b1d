"""Metrics that never lack their population: value, N, population, dates, and a confidence interval by game date."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """One figure and what it is about.

    `ci95` is the percentile bootstrap over game dates (players of one night share shocks, so a date is drawn whole);
    `build_id` is the build of the feature table that the rows came from.
    """

    name: str
    value: float
    n: int
    population: str
    date_from: date
    date_to: date
    build_id: int
    ci95: tuple[float, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON, dates as ISO text."""
        plain = asdict(self)
        return plain | {"date_from": self.date_from.isoformat(), "date_to": self.date_to.isoformat()}


def mean_absolute_error(actual: Floats, predicted: Floats) -> float:
    """Mean of |predicted - actual|, in the target's unit.

    Raises ValueError where there are no rows or a value is not finite.
    """
    return float(np.abs(_errors(actual, predicted)).mean())


def mean_error(actual: Floats, predicted: Floats) -> float:
    """Mean of predicted - actual: above 0 the system predicts too high.

    Raises ValueError where there are no rows or a value is not finite.
    """
    return float(_errors(actual, predicted).mean())


def share_within(actual: Floats, predicted: Floats, distance: float) -> float:
    """Share (0-1) of rows with |predicted - actual| <= `distance`."""
    return float((np.abs(_errors(actual, predicted)) <= distance).mean())


def share_above(actual: Floats, predicted: Floats) -> float:
    """Share (0-1) of results above the prediction, a result on it counted half; 0.5 for a calibrated median."""
    errors = _errors(actual, predicted)
    return float((errors < 0).mean() + 0.5 * (errors == 0).mean())


def crps(actual: Floats, quantiles: Floats, levels: Floats) -> Floats:
    """The continuous ranked probability score of each row, in the target's unit; smaller is better.

    `quantiles` (n, k) are those of the predicted distribution at `levels` (k,), evenly spaced within 0 and 1. The score
    is twice the mean quantile loss over the levels: the quantile form of Gneiting and Raftery (2007), "Strictly proper
    scoring rules, prediction, and estimation", section 4; a distribution that is one point scores its absolute error.
    Raises ValueError for other shapes or where a value is not finite.
    """
    if quantiles.shape != (len(actual), len(levels)):
        raise ValueError(f"quantiles are {quantiles.shape}, not ({len(actual)}, {len(levels)})")
    short = np.asarray(actual, dtype=np.float64)[:, None] - quantiles
    if not np.isfinite(short).all():
        raise ValueError("a result or a quantile is not finite")
    return np.asarray(2 * np.maximum(levels * short, (levels - 1) * short).mean(axis=1), dtype=np.float64)


def brier_scores(probability: Floats, happened: npt.NDArray[np.bool_]) -> Floats:
    """(probability - what happened)^2 of each row: 0 is perfect, 0.25 is a coin. Source: Brier (1950)."""
    return np.asarray((_probabilities(probability) - happened) ** 2, dtype=np.float64)


def log_losses(probability: Floats, happened: npt.NDArray[np.bool_]) -> Floats:
    """-log of the probability given to what happened, each row, in nats: ln 2 = 0.693 is a coin.

    Raises ValueError for a probability outside 0 and 1 or one of them itself, whose loss has no bound.
    """
    given = np.where(happened, _probabilities(probability), 1 - probability)
    if not (given > 0).all():
        raise ValueError("something happened that was given no probability")
    return np.asarray(-np.log(given), dtype=np.float64)


def bootstrap_means_by_date(values: Floats, dates: npt.NDArray[Any], *, resamples: int = 1000, seed: int = 7) -> Floats:
    """Means of `values` over `resamples` draws of whole dates with replacement; shape (resamples,).

    Raises ValueError for empty or unequal input. Source: cluster bootstrap, Cameron, Gelbach and Miller (2008).
    """
    if len(values) == 0 or len(values) != len(dates):
        raise ValueError(f"{len(values)} values, {len(dates)} dates: there must be as many, and at least one")
    _, cluster = np.unique(dates, return_inverse=True)
    sums = np.bincount(cluster, weights=values)
    counts = np.bincount(cluster)
    times = _times_drawn(len(sums), resamples, seed)
    means: Floats = (times @ sums) / (times @ counts)
    return means


def interval_by_date(values: Floats, dates: npt.NDArray[Any], *, level: float = 0.95) -> tuple[float, float] | None:
    """The bootstrap interval of the mean of `values` at `level`, dates drawn whole.

    None for a single date: how far dates differ cannot be told from one, and an interval without width would be a lie.
    """
    if len(values) and len(np.unique(dates)) == 1:
        return None
    means = bootstrap_means_by_date(values, dates)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@lru_cache(maxsize=16)
def _times_drawn(n_dates: int, resamples: int, seed: int) -> Floats:
    """How often each of `n_dates` is drawn in each of `resamples` draws of as many: (resamples, n_dates), not to write.

    A training has some two hundred figures about the same few dates: the draws are made once for all of them.
    """
    drawn = np.random.default_rng(seed).integers(0, n_dates, size=(resamples, n_dates))
    places = drawn + np.arange(resamples)[:, None] * n_dates
    times = np.bincount(places.ravel(), minlength=resamples * n_dates).reshape(resamples, n_dates).astype(np.float64)
    times.flags.writeable = False
    return times


def _probabilities(probability: Floats) -> Floats:
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("a probability is not within 0 and 1")
    return probability


def _errors(actual: Floats, predicted: Floats) -> Floats:
    if len(actual) == 0 or len(actual) != len(predicted):
        raise ValueError(
            f"{len(actual)} results, {len(predicted)} predictions: there must be as many, and at least one"
        )
    errors: Floats = np.asarray(predicted, dtype=np.float64) - np.asarray(actual, dtype=np.float64)
    if not np.isfinite(errors).all():
        raise ValueError("a result or a prediction is not finite")
    return errors
