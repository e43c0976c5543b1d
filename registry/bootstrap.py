"""The lower bound of a mean improvement when rows come in game dates that share shocks."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.metrics import Floats, bootstrap_means_by_date

COUNTED_LEVEL = 0.02
"""Quantiles beyond this level are not counted among the resamples, of which too few lie there: they are reckoned on."""


def lower_bound_by_date(
    values: Floats, dates: npt.NDArray[Any], *, confidence: float, resamples: int, seed: int
) -> float:
    """The bound that the true mean of `values` lies above with one-sided `confidence` (0.5-1).

    Percentile bootstrap over whole dates, its distance from the mean widened for few dates: the factor is
    sqrt(G / (G - 1)) times Student's over the normal quantile with G - 1 degrees of freedom (Cameron, Gelbach and
    Miller 2008, section II: with few clusters the plain quantile is too bold). Beyond 98 % confidence the quantile at
    98 % is taken and Student's at the confidence asked for. One date bounds nothing: -inf.

    Raises ValueError for empty or unequal input.
    """
    means = bootstrap_means_by_date(values, dates, resamples=resamples, seed=seed)
    n_dates = len(np.unique(dates))
    if n_dates < 2:
        return float("-inf")
    mean = float(values.mean())
    counted = max(1 - confidence, COUNTED_LEVEL)
    distance = mean - float(np.quantile(means, counted))
    return mean - distance * _factor(n_dates, confidence, 1 - counted)


def _factor(n_dates: int, confidence: float, counted: float) -> float:
    """Student's quantile at `confidence` over the normal one at `counted`, for `n_dates` clusters."""
    freedom = n_dates - 1
    student = _student_quantile(NormalDist().inv_cdf(confidence), freedom)
    return float(np.sqrt(n_dates / freedom)) * student / NormalDist().inv_cdf(counted)


def _student_quantile(normal: float, freedom: int) -> float:
    """Student's quantile from the normal one by the Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5)."""
    first = (normal**3 + normal) / 4
    second = (5 * normal**5 + 16 * normal**3 + 3 * normal) / 96
    return normal + first / freedom + second / freedom**2
