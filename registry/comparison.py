"""Two versions compared on the same rows: part by part with intervals, and where they differ most. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np

from contracts.metrics import interval_by_date
from registry.evidence import Slice


@dataclass(frozen=True)
class Part:
    """Both versions' mean absolute error on the same `n` rows; `difference` is B's minus A's: below 0, B is better.

    `kind` is overall, population, tier or month; intervals are of 95 %, dates drawn whole (None: one date alone).
    """

    kind: str
    name: str
    n: int
    n_dates: int
    date_from: date
    date_to: date
    mae_a: float
    mae_b: float
    difference: float
    ci95: tuple[float, float] | None
    ci95_a: tuple[float, float] | None
    ci95_b: tuple[float, float] | None
    mean_error_a: float
    mean_error_b: float

    @property
    def is_told_from_chance(self) -> bool:
        """Whether 0 lies outside the difference's interval."""
        return self.ci95 is not None and not self.ci95[0] <= 0 <= self.ci95[1]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"date_from": self.date_from.isoformat(), "date_to": self.date_to.isoformat()}


def compare_part(kind: str, rows: Slice) -> Part | None:
    """`champion` (A) and `challenger` (B) compared on the rows that both predict; None where there are none."""
    shared = np.isfinite(rows.champion) & np.isfinite(rows.challenger)
    if not shared.any():
        return None
    dates, actual = rows.dates[shared], rows.actual[shared]
    error_a, error_b = rows.champion[shared] - actual, rows.challenger[shared] - actual
    absolute_a, absolute_b = np.abs(error_a), np.abs(error_b)
    first, last = (date.fromisoformat(str(day)) for day in (dates.min(), dates.max()))
    return Part(
        kind=kind,
        name=rows.name,
        n=len(actual),
        n_dates=len(np.unique(dates)),
        date_from=first,
        date_to=last,
        mae_a=float(absolute_a.mean()),
        mae_b=float(absolute_b.mean()),
        difference=float((absolute_b - absolute_a).mean()),
        ci95=interval_by_date(absolute_b - absolute_a, dates),
        ci95_a=interval_by_date(absolute_a, dates),
        ci95_b=interval_by_date(absolute_b, dates),
        mean_error_a=float(error_a.mean()),
        mean_error_b=float(error_b.mean()),
    )


def by_month(rows: Slice) -> list[Slice]:
    """The rows of each calendar month, named 2024-03, in order."""
    months = rows.dates.astype("datetime64[M]")
    return [
        Slice(
            str(month),
            rows.dates[months == month],
            rows.actual[months == month],
            challenger=rows.challenger[months == month],
            champion=rows.champion[months == month],
        )
        for month in np.unique(months)
    ]


def differ_most(parts: Sequence[Part], most: int = 5) -> list[Part]:
    """The parts, the whole left out, whose difference is told from chance, the largest first; at most `most`."""
    told = [part for part in parts if part.kind != "overall" and part.is_told_from_chance]
    return sorted(told, key=lambda part: -abs(part.difference))[:most]
