"""What an ensemble learns its weights from: predictions of dates that its members had not seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np

from contracts.errors import UsageError
from systems.base import Floats, Rows
from systems.least_absolute import nonnegative_slopes, slope_through_origin

TUNE_SHARE = 0.1
"""Last share of the dates a fold learns from: its members' early stopping."""

LINE_ROWS = 1000
"""So many rows' worth of belief, before a row was seen, that a known line is all there is to say."""


@dataclass(frozen=True)
class Unseen:
    """`predicted` (n, m) by the m members, `line` (n,) where one is known, `actual` (n,); NaN: none."""

    predicted: Floats
    line: Floats
    actual: Floats

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The rows of all `parts`, one after the other."""
        predicted, line, actual = zip(*((one.predicted, one.line, one.actual) for one in parts), strict=True)
        return cls(np.concatenate(predicted), np.concatenate(line), np.concatenate(actual))

    def weights(self, names: Sequence[str]) -> dict[str, float]:
        """Each member's weight, at least 0, under least absolute deviations, from the rows that all could predict.

        Raises ValueError where no weight is above 0.
        """
        known = np.isfinite(self.predicted).all(axis=1)
        slopes = nonnegative_slopes(self.predicted[known], self.actual[known])
        if not slopes.sum() > 0:
            raise ValueError("no member's predictions help: all weights are 0")
        return dict(zip(names, slopes.tolist(), strict=True))


def line_share(point: Floats, line: Floats, actual: Floats) -> float:
    """The share s within 0 and 1 with which s x line + (1 - s) x point is nearest to `actual`, all (n,) and finite.

    Drawn towards 1 as if LINE_ROWS further rows had said so: (n x best + LINE_ROWS) / (n + LINE_ROWS).
    """
    best = 1.0
    if (line != point).any():
        best = float(np.clip(slope_through_origin(line - point, actual - point), 0.0, 1.0))
    return (len(line) * best + LINE_ROWS) / (len(line) + LINE_ROWS)


def cut_folds(train: Rows, n_folds: int, first_share: float) -> Iterator[tuple[Rows, Rows, Rows]]:
    """(learnt from, stopped by, predicted), each wholly before the next; no date in two of them.

    The dates after the first `first_share` (0-1) of them are cut into `n_folds` that are predicted.
    Raises UsageError where there are too few dates.
    """
    dates = np.unique(train.dates)
    first = max(2, int(len(dates) * first_share))
    starts = np.linspace(first, len(dates), n_folds + 1).astype(int)
    if (np.diff(starts) < 1).any():
        raise UsageError(
            f"{len(dates)} training dates are too few for the ensemble's {n_folds} folds.",
            remedy="Train on more dates, or lower n_folds in conf/systems/ensemble.yaml.",
        )
    for start, end in pairwise(starts):
        n_tune = max(1, int(start * TUNE_SHARE))
        learnt_from, stopped_by, fold = dates[: start - n_tune], dates[start - n_tune : start], dates[start:end]
        yield _between(train, learnt_from), _between(train, stopped_by), _between(train, fold)


def _between(rows: Rows, dates: np.ndarray[Any, Any]) -> Rows:
    """The rows of `dates`, which are consecutive ones."""
    chosen = (rows.dates >= dates[0]) & (rows.dates <= dates[-1])
    return Rows(rows.matrix[chosen], rows.target[chosen], rows.dates[chosen])
