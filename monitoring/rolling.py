"""Errors with an interval by game date: the figure, how sure it is, and what it is about; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from contracts.metrics import Floats, interval_by_date
from contracts.settings import MonitorsSettings
from monitoring.shift import span


@dataclass(frozen=True)
class Figure:
    """The mean of `n` values and its bootstrap interval, dates drawn whole; `about` names label, population, dates."""

    value: float
    low: float
    high: float
    n: int
    about: str

    def is_above(self, limit: float) -> bool:
        """Whether even the interval's low end is above `limit`."""
        return self.low > limit

    def is_below(self, limit: float) -> bool:
        """Whether even the interval's high end is below `limit`."""
        return self.high < limit

    def told(self, spec: str) -> str:
        """'0.31 (99 % interval 0.20 to 0.42)', each number by `spec`."""
        return f"{self.value:{spec}} ({self.low:{spec}} to {self.high:{spec}})"


def shortage(rows: pl.DataFrame, population: str, limits: MonitorsSettings) -> str | None:
    """Why `rows` are too few to say anything; None where they do."""
    n_dates = rows["game_date"].n_unique()
    if rows.height >= limits.min_graded and n_dates >= limits.min_graded_dates:
        return None
    return (
        f"{rows.height} {limits.label} grades of {population} on {n_dates} dates in {limits.rolling_days} days, "
        f"{limits.min_graded} on {limits.min_graded_dates} are needed"
    )


def mean_of(values: Floats, rows: pl.DataFrame, population: str, limits: MonitorsSettings) -> Figure:
    """The mean of `values`, one for each of `rows` (of at least two dates), at the confidence of the settings."""
    interval = interval_by_date(values, rows["game_date"].to_numpy(), level=2 * limits.level - 1)
    if interval is None:
        raise ValueError("an interval by date needs two dates")
    about = f"{rows.height:,} {limits.label} grades of {population}, {span(rows)}"
    return Figure(float(np.mean(values)), *interval, rows.height, about)
