"""The array types of the league, and the few formulas that every part of it uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Days = NDArray[np.datetime64]


def sigmoid(x: Floats) -> Floats:
    """Log-odds -> probability."""
    return np.asarray(1.0 / (1.0 + np.exp(-x)), dtype=np.float64)


def logit(p: Floats) -> Floats:
    """Probability in (0, 1) -> log-odds."""
    return np.asarray(np.log(p / (1.0 - p)), dtype=np.float64)


def whole(mean: Floats, rng: np.random.Generator) -> Ints:
    """Whole numbers whose expectation is `mean`, each the floor or the next one up."""
    return np.floor(mean + rng.random(mean.shape)).astype(np.int64)


def wander(
    rng: np.random.Generator, n: int, n_days: int, *, daily_sd: float, swing_sd: float, memory_days: float
) -> Floats:
    """How far each of `n` things has moved since the season began: shape (n, n_days).

    A random walk (`daily_sd` a day, it stays) plus a swing that reverts to zero (stationary `swing_sd`, forgotten
    after about `memory_days` days).
    """
    walk = np.cumsum(rng.normal(0.0, daily_sd, (n, n_days)), axis=1)
    keep = np.exp(-1.0 / memory_days)
    shocks = rng.normal(0.0, swing_sd * np.sqrt(1.0 - keep**2), (n, n_days))
    swing = np.empty((n, n_days))
    now = rng.normal(0.0, swing_sd, n)
    for day in range(n_days):
        now = keep * now + shocks[:, day]
        swing[:, day] = now
    return np.asarray(walk + swing, dtype=np.float64)
