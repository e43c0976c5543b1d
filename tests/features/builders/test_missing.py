"""Why values are missing, told for as many columns as a set has."""

from __future__ import annotations

import polars as pl

from features.builders.missing import missing_text

N_COLUMNS = 200


def test_every_column_of_a_wide_set_is_told_by_its_own_place() -> None:
    """Row i lacks column i and no other: no two columns share a bit, beyond the 64th either."""
    names = [f"f{n}" for n in range(N_COLUMNS)]
    values = pl.DataFrame(
        {name: [None if row == n else 1.0 for row in range(N_COLUMNS)] for n, name in enumerate(names)}
    )
    reasons = dict.fromkeys(names, "own_reason")
    told = missing_text(values, pl.Series([True] * N_COLUMNS), reasons, {"f199"})
    assert told.to_list() == [*(f"own_reason:{name}" for name in names[:-1]), "no_source:f199"]


def test_all_columns_missing_at_once_are_all_named_in_order() -> None:
    names = [f"f{n}" for n in range(N_COLUMNS)]
    values = pl.DataFrame({name: [None] for name in names}, schema=dict.fromkeys(names, pl.Float64))
    reasons = dict.fromkeys(names, "own_reason")
    assert missing_text(values, pl.Series([False]), reasons, set()).to_list() == [f"no_history:{','.join(names)}"]


def test_nothing_missing_is_an_empty_text() -> None:
    values = pl.DataFrame({"one": [1.0], "two": [2.0]})
    assert missing_text(values, pl.Series([True]), {"one": "x", "two": "x"}, set()).to_list() == [""]
