"""Least absolute deviations without an intercept: what a median wants to be fitted with, and exactly.

Sources: R. Koenker, Quantile Regression (2005), section 1.3 for the weighted median and 6.2 for the dual programme.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from systems.base import Floats


def weighted_median(values: Floats, weights: Floats) -> float:
    """The least of `values` (n,) that has half of the `weights` (n,), all >= 0, at or below it.

    Raises ValueError where no weight is above 0.
    """
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    if not len(below) or not below[-1] > 0:
        raise ValueError("a median needs a weight above 0")
    return float(values[order][np.searchsorted(below, below[-1] / 2)])


def slope_through_origin(x: Floats, y: Floats) -> float:
    """The slope s that minimizes sum |y - s x|: the median of y / x weighted by |x|; rows with x = 0 have no say.

    Raises ValueError where every x is 0.
    """
    there = x != 0
    return weighted_median(y[there] / x[there], np.abs(x[there]))


def nonnegative_slopes(x: Floats, y: Floats) -> Floats:
    """The slopes b >= 0 (k,) that minimize sum |y - x b| for x (n, k) and y (n,), all finite.

    Solved as its dual, maximize y'u subject to x'u <= 0 and |u| <= 1, which has k rows in place of n; b are the
    prices of those rows.

    Raises ValueError where there are no rows, or one column of zeros; RuntimeError where both solvers give up.
    """
    if not len(y):
        raise ValueError("slopes need rows")
    if x.shape[1] == 1:
        return np.array([max(slope_through_origin(x[:, 0], y), 0.0)])
    for method in ("highs-ipm", "highs-ds"):  # the first is fast with many rows, the second hardly ever gives up
        solved = linprog(-y, A_ub=x.T, b_ub=np.zeros(x.shape[1]), bounds=(-1, 1), method=method)
        if solved.status == 0:
            return np.maximum(-np.asarray(solved.ineqlin.marginals, dtype=np.float64), 0.0)
    raise RuntimeError(f"the least absolute deviations were not found: {solved.message}")
