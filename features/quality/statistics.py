"""How far two samples are apart: PSI, Kolmogorov-Smirnov, correlations; pure functions of arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

N_BINS = 10


def shares_by_quantile(reference: Floats, values: Floats) -> tuple[Floats, Floats]:
    """The shares of `reference` and of `values` in the bins that the reference's deciles cut, no bin empty.

    Equal deciles fall together, so that a column of few values has a bin a value. Half a row is added to every bin:
    one that is empty on one side must not make the index infinite.
    """
    edges = np.unique(np.quantile(reference, np.arange(1, N_BINS) / N_BINS))
    shares = []
    for sample in (reference, values):
        counts = np.bincount(np.searchsorted(edges, sample, side="left"), minlength=len(edges) + 1) + 0.5
        shares.append(counts / counts.sum())
    return shares[0], shares[1]


def population_stability_index(reference: Floats, values: Floats) -> float:
    """PSI of `values` over the deciles of `reference`: sum of (p - q) ln(p / q) over the bins; 0: equal.

    The rule of thumb of credit scoring (Siddiqi 2006): under 0.1 the same, from 0.25 another population.
    """
    expected, found = shares_by_quantile(reference, values)
    return float(((found - expected) * np.log(found / expected)).sum())


def kolmogorov_smirnov(reference: Floats, values: Floats) -> float:
    """The largest distance between the two distribution functions, 0-1."""
    points = np.unique(np.concatenate([reference, values]))
    below = [np.searchsorted(np.sort(sample), points, side="right") / len(sample) for sample in (reference, values)]
    return float(np.abs(below[0] - below[1]).max())


def correlation(first: Floats, second: Floats) -> float:
    """Pearson's correlation; 0 where one of the two does not move."""
    centred = first - first.mean(), second - second.mean()
    scale = np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum())
    return float((centred[0] * centred[1]).sum() / scale) if scale > 0 else 0.0


def correlation_matrix(columns: Floats) -> Floats:
    """Pearson's correlations of the columns (n, k) -> (k, k); what is missing (NaN) stands at its column's mean."""
    centred = np.nan_to_num(columns - np.nanmean(columns, axis=0))
    scale = np.sqrt((centred**2).sum(axis=0))
    scaled = centred / np.where(scale > 0, scale, 1.0)
    return np.asarray(scaled.T @ scaled, dtype=np.float64)
