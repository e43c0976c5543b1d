"""The exported file: every player-game of the build, typed, missing as NULL."""

from __future__ import annotations

import polars as pl
import polars.selectors as cs
import pytest
from polars.testing import assert_frame_equal

from contracts.errors import UnavailableError, UsageError
from features.table.export import export
from features.table.rows import read_rows


@pytest.fixture
def exported(built_database, feature_set, tmp_path):
    report = export(built_database, feature_set, tmp_path / "rows.parquet")
    frame = pl.read_parquet(tmp_path / "rows.parquet")
    assert report.rows == frame.height
    assert report.feature_set_hash == feature_set.hash
    return frame


def test_columns_are_the_promised_ones_in_order(exported, feature_set):
    facts = ["game_id", "player_id", "game_date", "season", "team_id", "state"]
    assert exported.columns == [*facts, *feature_set.names, "minutes", "points"]
    assert exported.schema["player_id"] == pl.Int64
    assert exported["game_id"].str.len_chars().unique().to_list() == [10]
    assert exported["season"].unique().sort().to_list() == ["2021-22", "2022-23"]


def test_values_are_the_stored_ones(exported, built_database, feature_set):
    stored = read_rows(built_database, feature_set)
    names = [*feature_set.names, "minutes", "points"]
    assert_frame_equal(exported.select(names), stored.select(names), check_exact=True)


def test_missing_is_null_and_never_nan(exported):
    floats = exported.select(cs.float())
    assert floats.select(pl.all().is_nan().sum()).sum_horizontal().item() == 0
    assert exported["points_avg_last_5"].null_count() > 0


def test_who_did_not_play_has_no_points_and_who_was_on_the_floor_under_30_seconds_is_there(exported):
    states = exported.group_by("state").agg(pl.col("points").count().alias("n_points"), pl.len().alias("n"))
    counts = {row["state"]: (row["n_points"], row["n"]) for row in states.iter_rows(named=True)}
    assert set(counts) == {"played", "under_30_seconds", "absent", "scheduled"}
    assert counts["played"][0] == counts["played"][1]
    assert counts["absent"][0] == counts["scheduled"][0] == counts["under_30_seconds"][0] == 0


def test_a_file_that_cannot_be_written_is_named_and_nothing_is_left(built_database, feature_set, tmp_path):
    with pytest.raises(UsageError, match="nowhere"):
        export(built_database, feature_set, tmp_path / "nowhere" / "rows.parquet")
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(UsageError, match="folder"):
        export(built_database, feature_set, tmp_path / "folder.parquet")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_an_unknown_build_is_refused(built_database, feature_set, tmp_path):
    with pytest.raises(UsageError, match="no finished build 99"):
        export(built_database, feature_set, tmp_path / "rows.parquet", build_id=99)
    assert not (tmp_path / "rows.parquet").exists()


def test_an_unbuilt_table_is_refused_with_the_command_that_builds_it(raw_database, feature_set, tmp_path):
    with pytest.raises(UnavailableError, match="tipoff features backfill"):
        export(raw_database, feature_set, tmp_path / "rows.parquet")
