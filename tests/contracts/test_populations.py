"""Populations: who is counted, row by row."""

from __future__ import annotations

import polars as pl
import pytest

from contracts.errors import UsageError
from contracts.populations import NAMES, population

ROWS = pl.DataFrame(
    [
        # state, is_expected, active games before, minutes of the last 10, line
        ("played", True, 5.0, 15.0, 20.5),
        ("played", True, 5.0, 14.999, None),
        ("played", False, 40.0, 30.0, None),  # appeared, and nobody expected it
        ("played", True, 4.0, 30.0, 18.5),
        ("played", True, 0.0, None, None),
        ("under_30_seconds", True, 50.0, 5.0, None),
        ("absent", True, 50.0, 30.0, 22.5),
        ("scheduled", True, 50.0, 30.0, 22.5),
    ],
    schema=["state", "is_expected", "n_active_games_season", "minutes_avg_last_10_active", "line"],
    orient="row",
).with_row_index("row")

MEMBERS = {
    "played": [0, 1, 2],
    "early": [3, 4],
    "rotation": [0, 2],
    "lined": [0],
    "expected": [0, 1, 3, 4, 5, 6, 7],
}


@pytest.mark.parametrize("name", NAMES)
def test_a_population_is_these_rows_and_no_others(name: str) -> None:
    assert ROWS.filter(population(name))["row"].to_list() == MEMBERS[name]


def test_played_and_early_are_all_who_played_and_never_the_same() -> None:
    both = ROWS.filter(population("played") & population("early"))
    either = ROWS.filter(population("played") | population("early"))
    assert both.is_empty()
    assert either["row"].to_list() == ROWS.filter(pl.col("state") == "played")["row"].to_list()


def test_fifteen_minutes_are_fifteen_however_they_were_summed() -> None:
    """A mean computed as a difference of cumulative sums may lie a rounding below 15."""
    row = ROWS[:1].with_columns(minutes_avg_last_10_active=pl.lit(15.0 - 1e-13))
    assert row.filter(population("rotation")).height == 1


def test_an_unknown_population_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'stars' is not a population") as refused:
        population("stars")
    assert ", ".join(NAMES) in (refused.value.remedy or "")
