"""Two versions on the same rows: what differs, by how much, and whether that is chance."""

from __future__ import annotations

import numpy as np
import pytest

from registry.comparison import by_month, compare_part, differ_most
from registry.evidence import Slice


def rows(name: str = "played", worse_by: float = 0.5, n_dates: int = 40) -> Slice:
    """Version A errs by 3 points, B by `worse_by` more, on 50 rows of each date."""
    rng = np.random.default_rng(1)
    n = n_dates * 50
    actual = rng.uniform(0, 30, n)
    sign = rng.choice([-1.0, 1.0], n)
    champion = actual + 3 * sign
    challenger = actual + (3 + worse_by + rng.normal(0, 0.2, n)) * sign
    dates = np.datetime64("2024-01-20", "D") + np.repeat(np.arange(n_dates), 50)
    return Slice(name, dates, actual, challenger=challenger, champion=champion)


def test_a_difference_has_its_interval_rows_and_dates() -> None:
    part = compare_part("overall", rows())
    assert part is not None
    assert (part.n, part.n_dates, str(part.date_from), str(part.date_to)) == (2000, 40, "2024-01-20", "2024-02-28")
    assert part.mae_a == pytest.approx(3.0)
    assert part.difference == pytest.approx(0.5, abs=0.02)
    assert part.ci95 is not None
    assert part.ci95[0] < part.difference < part.ci95[1]
    assert part.is_told_from_chance
    assert part.to_json()["date_from"] == "2024-01-20"


def test_only_rows_that_both_predict_are_compared_and_none_is_no_part() -> None:
    made = rows()
    made.champion[:150] = np.nan
    made.challenger[150:200] = np.nan
    part = compare_part("overall", made)
    assert part is not None
    assert part.n == 1800
    made.champion[:] = np.nan
    assert compare_part("overall", made) is None


def test_months_are_cut_from_the_same_rows() -> None:
    months = by_month(rows())
    assert [(month.name, len(month.dates)) for month in months] == [("2024-01", 600), ("2024-02", 1400)]


def test_where_they_differ_most_is_told_without_what_is_chance() -> None:
    parts = [
        compare_part("overall", rows("played", 3.0)),
        compare_part("tier", rows("bench", -0.2)),
        compare_part("tier", rows("star", 0.9)),
        compare_part("population", rows("lined", 0.0)),
        compare_part("month", rows("2024-01", 5.0, n_dates=1)),
    ]
    found = differ_most([part for part in parts if part is not None])
    assert [part.name for part in found] == ["star", "bench"], "the whole, chance and a single date are left out"
