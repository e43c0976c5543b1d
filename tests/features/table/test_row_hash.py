"""The hash of a row is a fact about its values: it may never change with a machine, a process or a library."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.table.row_hash import row_hashes

KNOWN = pl.DataFrame(
    {
        "game_id": ["0022300001", None],
        "player_id": [203999, 0],
        "points": [24.5, None],
        "is_home": [True, False],
        "game_date": [date(2024, 3, 1), None],
        "captured_at": [datetime(2024, 3, 1, 23, 30, tzinfo=UTC), None],
    },
    schema_overrides={"captured_at": pl.Datetime("us", "UTC")},
)
KNOWN_HASHES = [-4406038770457598750, -5503462691043168816]

PRINT = "print(row_hashes(pl.DataFrame({'a': ['x', None], 'b': [0.1, 2.0]})).to_list())"

VALUES = st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=30)


def test_known_rows_have_the_hashes_they_always_had():
    """Stored hashes would no longer fit their rows if these ever changed."""
    assert row_hashes(KNOWN).to_list() == KNOWN_HASHES


def test_another_process_gives_the_same_hashes():
    program = [sys.executable, "-c", f"import polars as pl; from features.table.row_hash import row_hashes; {PRINT}"]
    printed = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str(row_hashes(pl.DataFrame({"a": ["x", None], "b": [0.1, 2.0]})).to_list())


@given(VALUES)
def test_two_values_share_a_hash_only_if_they_are_equal(values):
    frame = pl.DataFrame({"a": values}, schema={"a": pl.Float64})
    assert row_hashes(frame).n_unique() == len(set(values))


@given(VALUES, st.randoms())
def test_a_hash_belongs_to_its_row_wherever_it_stands(values, random):
    places = list(range(len(values)))
    random.shuffle(places)
    frame = pl.DataFrame({"a": values, "b": [str(value) for value in values]}, schema_overrides={"a": pl.Float64})
    assert row_hashes(frame[places]).to_list() == row_hashes(frame)[places].to_list()


def test_zero_has_one_hash_and_null_is_not_zero():
    hashes = row_hashes(pl.DataFrame({"a": [0.0, -0.0, None]}))
    assert hashes[0] == hashes[1] != hashes[2]


def test_an_empty_text_is_not_null():
    assert row_hashes(pl.DataFrame({"a": ["", None]})).n_unique() == 2


def test_a_value_in_another_column_is_another_row():
    first = row_hashes(pl.DataFrame({"a": [1.0], "b": [2.0]}))
    assert first.to_list() != row_hashes(pl.DataFrame({"a": [2.0], "b": [1.0]})).to_list()
    assert first.to_list() == row_hashes(pl.DataFrame({"b": [2.0], "a": [1.0]})).to_list()


def test_a_kind_without_a_rule_is_refused_by_name():
    with pytest.raises(ValueError, match="column a is List"):
        row_hashes(pl.DataFrame({"a": [[1]]}))
