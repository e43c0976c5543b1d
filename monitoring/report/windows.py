"""Means over the last dates up to each date, with intervals: what the curves of the report are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.metrics import Floats, interval_by_date

WINDOW_DATES = 14
LEAST_DATES = 5
"""Fewer dates tell of these nights, not of the system: such a window has no point, unless there are no more dates."""


@dataclass(frozen=True)
class Rolled:
    """The mean of values over all their dates with its 95 % interval by date (None: one date), and over each window.

    `band` (date, low, high) holds the windows' intervals; a window of one date has none.
    """

    mean: float
    ci95: tuple[float, float] | None
    by_date: list[tuple[date, float]]
    band: list[tuple[date, float, float]]


def rolled(values: Floats, days: npt.NDArray[Any]) -> Rolled:
    """`values` (n,), at least one, of the dates `days` (n,), over the last WINDOW_DATES dates with values. Pure."""
    dates = np.unique(days)
    by_date: list[tuple[date, float]] = []
    band: list[tuple[date, float, float]] = []
    for place in range(min(LEAST_DATES, len(dates)) - 1, len(dates)):
        inside = (days >= dates[max(0, place - WINDOW_DATES + 1)]) & (days <= dates[place])
        day = dates[place].astype("datetime64[D]").item()
        by_date.append((day, float(values[inside].mean())))
        interval = interval_by_date(values[inside], days[inside])
        if interval is not None:
            band.append((day, *interval))
    return Rolled(float(values.mean()), interval_by_date(values, days), by_date, band)
