"""Splits by date: a date is in one block or in none, and validation comes after everything that was learned from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from contracts.errors import UsageError

Dates = npt.NDArray[np.datetime64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Span:
    """Dates from `first` to `last`, both included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"


@dataclass(frozen=True)
class Split:
    """Three blocks of dates that never touch, in this order in time: learn from, tune by, report on."""

    train: Span
    tune: Span
    validation: Span

    def mask(self, dates: Dates, *blocks: Span) -> Mask:
        """Which rows of `dates` (datetime64[D]) lie in one of `blocks`; shape (n,)."""
        inside = np.zeros(len(dates), dtype=bool)
        for block in blocks:
            inside |= (dates >= np.datetime64(block.first)) & (dates <= np.datetime64(block.last))
        return inside


def split_by_date(
    dates: Dates,
    *,
    validation_share: float,
    tune_share: float,
    embargo_days: int = 0,
    window_days: int | None = None,
    train_from: date | None = None,
    train_to: date | None = None,
    val_from: date | None = None,
    val_to: date | None = None,
) -> Split:
    """The split of `dates` (datetime64[D], one a row, in any order) by the given dates, or else by shares of the dates.

    Without `train_to` and `val_from` the last `validation_share` of the dates validates. What is learned from are the
    dates before, but for the `embargo_days` (>= 0) right before validation; of these the last `window_days` (None: all;
    a `train_from` wins), whose last `tune_share` tunes. Shares are rounded to at least one date.

    Raises UsageError where spans run backwards or overlap, or a block would be empty.
    """
    _refuse_impossible(train_from, train_to, val_from, val_to)
    known = [day for day in days_of(dates) if (train_from or day) <= day <= (val_to or day)]
    if train_to is None and val_from is None:
        learn, validate = cut_last(known, validation_share)
    else:
        learn = [day for day in known if (day <= train_to if train_to else val_from is not None and day < val_from)]
        validate = [day for day in known if (day >= val_from if val_from else train_to is not None and day > train_to)]
    learn = [day for day in learn if not validate or day < validate[0] - timedelta(days=embargo_days)]
    if train_from is None:
        learn = last_days(learn, window_days)
    train, tune = cut_last(learn, tune_share)
    _refuse_empty(known, learn, train, validate)
    return Split(span_of(train), span_of(tune), span_of(validate))


def days_of(dates: Dates) -> list[date]:
    """The different dates among `dates` (datetime64[D]), in order of time."""
    return [date.fromisoformat(str(day)) for day in np.unique(dates)]


def cut_last(days: list[date], share: float) -> tuple[list[date], list[date]]:
    """All but the last `share` (0-1, rounded to at least one date) of `days`, and those."""
    n_last = max(1, math.floor(share * len(days) + 0.5))
    return days[:-n_last], days[-n_last:]


def last_days(days: list[date], window_days: int | None) -> list[date]:
    """Those of `days`, in order of time, that are less than `window_days` before the last of them; None: all."""
    if window_days is None or not days:
        return days
    first = days[-1] - timedelta(days=window_days - 1)
    return [day for day in days if day >= first]


def span_of(days: list[date]) -> Span:
    """From the first to the last of `days`, which are in order of time and at least one."""
    return Span(days[0], days[-1])


def _refuse_impossible(
    train_from: date | None, train_to: date | None, val_from: date | None, val_to: date | None
) -> None:
    given = [
        ("--train-from", train_from),
        ("--train-to", train_to),
        ("--val-from", val_from),
        ("--val-to", val_to),
    ]
    known = [(name, day) for name, day in given if day is not None]
    faults = [
        f"{earlier} {day} is after {later} {other}"
        for place, (earlier, day) in enumerate(known)
        for later, other in known[place + 1 :]
        if day > other
    ]
    if train_to is not None and train_to == val_from:
        faults.append(f"--train-to and --val-from are both {train_to}, so that date would be in both blocks")
    if faults:
        raise UsageError(
            f"{'; '.join(faults)}.",
            remedy="Training comes first, then validation, and no date is in both; spans are inclusive.",
        )


def _refuse_empty(known: list[date], learn: list[date], train: list[date], validate: list[date]) -> None:
    there = f"the rows have {len(known)} dates" + (f", {known[0]} to {known[-1]}" if known else "")
    if not validate:
        raise UsageError(f"No date is left to validate on; {there}.", remedy="Give --val-from and --val-to among them.")
    if not train:
        raise UsageError(
            f"{len(learn)} dates are left to train on, and two are needed (one learns, one tunes); {there}.",
            remedy="Give --train-from and --train-to among them, or `tipoff ingest` more games.",
        )
