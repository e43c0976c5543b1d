"""What a system is held against on the very same rows: the averages, and what the books said."""

from __future__ import annotations

import numpy as np
import polars as pl

from systems.residuals import LEVELS, fit_residuals
from training.dataset import PRICES, Dataset
from training.evaluation import Scored, baseline_predictions, line_of, score
from training.splits import Mask

MIN_LINED_ROWS = 500
"""The spread of results around lines is learned from at least so many."""


def baselines_after(dataset: Dataset, names: list[str], seen: Mask, asked: Mask) -> dict[str, Scored]:
    """The baselines on the rows `asked`, (n,), each with the spread of its errors on the rows `seen`, (n,), if any.

    `names` are the columns that there are. Raises UsageError where a baseline's column is not among them.
    """
    learned, frame = dataset.frame.filter(seen), dataset.frame.filter(asked)
    actual, line = learned["target"].to_numpy(), line_of(frame)
    points = baseline_predictions(frame, names, dataset.target)
    if not learned.height:
        return {name: Scored(point) for name, point in points.items()}
    before = baseline_predictions(learned, names, dataset.target)
    return {name: score(point, fit_residuals(actual, before[name]), line) for name, point in points.items()}


def line_after(dataset: Dataset, seen: Mask, asked: Mask) -> Scored:
    """What the books say of the rows `asked` (n,): the line, and the spread that results had around those of `seen`.

    Quantiles are NaN without a price, and for every row where fewer than MIN_LINED_ROWS of those seen have a line.
    """
    learned, frame = dataset.frame.filter(seen), dataset.frame.filter(asked)
    before, line = line_of(learned), line_of(frame)
    quantiles = np.full((len(line), len(LEVELS)), np.nan)
    if PRICES in frame.columns and np.isfinite(before).sum() >= MIN_LINED_ROWS:
        over = frame[PRICES].cast(pl.Float64).fill_null(np.nan).to_numpy()
        spread = fit_residuals(learned["target"].to_numpy(), before)
        priced = np.isfinite(line) & np.isfinite(over)
        quantiles[priced] = spread.priced_quantiles(line[priced], over[priced])
    return Scored(line, quantiles=quantiles)
