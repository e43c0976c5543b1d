"""Reading rows back: by build, by span, by player-game, by column."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from contracts.errors import UsageError
from contracts.tables import feature_table
from features.table.builds import current_build
from features.table.rows import read_rows
from features.table.versioned_rows import VERSIONING


def test_rows_have_the_columns_of_their_table_sorted_by_date_game_and_player(built_database, feature_set):
    rows = read_rows(built_database, feature_set)
    declared = [column.name for column in feature_table(feature_set).columns]
    assert rows.columns == [name for name in declared if name not in VERSIONING]
    key = ["game_date", "game_id", "player_id"]
    assert_frame_equal(rows.select(key), rows.select(key).sort(key))
    assert rows.select("game_id", "player_id").is_unique().all()


def test_dates_are_inclusive(built_database, feature_set):
    rows = read_rows(built_database, feature_set)
    day = rows["game_date"][rows.height // 2]
    assert_frame_equal(
        read_rows(built_database, feature_set, date_from=day, date_to=day), rows.filter(pl.col("game_date") == day)
    )
    nothing = read_rows(built_database, feature_set, date_from=day + timedelta(days=9000))
    assert nothing.is_empty()
    assert nothing.schema == rows.schema


def test_player_games_that_have_a_row_are_found_and_no_other_of_their_games(built_database, feature_set):
    rows = read_rows(built_database, feature_set)
    wanted = rows[[3, 500, 900]]
    keys = [*wanted.select("game_id", "player_id").iter_rows(), ("0029900001", 1), (wanted["game_id"][0], -1)]
    found = read_rows(built_database, feature_set, player_games=keys)
    assert_frame_equal(found, wanted)


def test_no_player_games_is_an_empty_frame(built_database, feature_set):
    found = read_rows(built_database, feature_set, player_games=[])
    assert found.is_empty()
    assert found.schema == read_rows(built_database, feature_set).schema


def test_columns_come_as_asked(built_database, feature_set):
    rows = read_rows(built_database, feature_set, columns=["points", "player_id"])
    assert rows.columns == ["points", "player_id"]
    assert rows.height == read_rows(built_database, feature_set).height


def test_an_unknown_column_is_refused_by_name(built_database, feature_set):
    with pytest.raises(UsageError, match="no column pionts"):
        read_rows(built_database, feature_set, columns=["pionts"])


def test_an_unknown_build_is_refused_and_the_newest_named(built_database, feature_set):
    newest = current_build(built_database, feature_set).build_id
    with pytest.raises(UsageError, match=f"no finished build 99; the newest is {newest}"):
        read_rows(built_database, feature_set, build_id=99)
