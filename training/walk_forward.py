"""Walk-forward folds: a test season cut into blocks, each predicted from what was known before its first date."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

import numpy as np

from contracts.errors import RefusedError, UsageError
from training.splits import Dates, Mask, Span, Split, cut_last, days_of, last_days, span_of


class Retrain(StrEnum):
    """How often the system is trained again while the test season goes on."""

    NONE = "none"
    MONTHLY = "monthly"


def walk_forward(
    dates: Dates,
    learnable: Mask,
    season: Span,
    *,
    retrain: Retrain,
    tune_share: float,
    embargo_days: int = 0,
    window_days: int | None = None,
) -> list[Split]:
    """The folds over `season`, in order of time; each is a Split whose validation block is what the fold predicts.

    `dates` (datetime64[D], one a row, in any order); `learnable` says which rows may be learned from, (n,). Without
    retraining there is one fold; monthly, one for each calendar month with dates. A fold learns from every date before
    its first test date, but for the `embargo_days` (>= 0) right before it; of those dates that have learnable rows it
    takes the last `window_days` (None: all), and of these the last `tune_share` tunes. Every date of the season is
    tested in exactly one fold.

    Raises UsageError where the season has no dates, or where too few come before it.
    """
    learned = days_of(dates[learnable])
    tested = [day for day in days_of(dates) if season.first <= day <= season.last]
    if not tested:
        raise UsageError(f"There are no results from {season.first} to {season.last} to test on.")
    return [_fold(learned, block, tune_share, embargo_days, window_days) for block in _blocks(tested, retrain)]


def refuse_in_sample(learned: Dates, tested: Dates) -> None:
    """Nothing, if every date that was learned from, tuning included, lies before every tested one.

    Both are datetime64[D] and not empty. Raises RefusedError naming the two dates that are out of order.
    """
    last, first = learned.max(), tested.min()
    if not last < first:
        raise RefusedError(
            f"Rows of {last} were learned from and rows of {first} are to be tested: those figures would be in-sample.",
            remedy="This is a defect of the split: please report it.",
        )


def _blocks(tested: list[date], retrain: Retrain) -> list[list[date]]:
    if retrain is Retrain.NONE:
        return [tested]
    months = np.array(tested, dtype="datetime64[M]")
    return [days_of(np.array(tested, dtype="datetime64[D]")[months == month]) for month in np.unique(months)]


def _fold(
    learnable: list[date], block: list[date], tune_share: float, embargo_days: int, window_days: int | None
) -> Split:
    """`block` as the validation of a split of all that came before it."""
    end = block[0] - timedelta(days=embargo_days)
    learned = last_days([day for day in learnable if day < end], window_days)
    train, tune = cut_last(learned, tune_share)
    if not train:
        raise UsageError(
            f"{len(learned)} dates with rows to learn from lie before {end}, and two are needed (one learns, one "
            f"tunes): there is too little to predict {span_of(block)} from.",
            remedy="Test a later season, learn from another --population, or `tipoff ingest` earlier seasons and run "
            "`tipoff features backfill`.",
        )
    return Split(span_of(train), span_of(tune), span_of(block))
