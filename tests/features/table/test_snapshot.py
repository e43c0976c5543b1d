"""A snapshot says what the database says of that very build, and a damaged one is none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from polars.testing import assert_frame_equal

from contracts.errors import UnavailableError, UsageError
from features.table import snapshot
from features.table.backfill import backfill
from features.table.builds import current_build
from features.table.rows import read_rows
from features.table.snapshot import KEPT, read_snapshot


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "snapshots"


def test_it_says_what_the_database_says_the_first_time_and_the_second(built_database, feature_set, folder, monkeypatch):
    rows = read_rows(built_database, feature_set)
    assert_frame_equal(read_snapshot(built_database, feature_set, folder=folder), rows)
    monkeypatch.setattr(snapshot, "read_rows", None)  # the second time nobody asks the database for them
    assert_frame_equal(read_snapshot(built_database, feature_set, folder=folder), rows)


def test_spans_and_columns_are_those_of_read_rows(built_database, feature_set, folder):
    days = read_rows(built_database, feature_set)["game_date"].unique().sort()
    asked = {"date_from": days[3], "date_to": days[9], "columns": ["points", "player_id"]}
    assert_frame_equal(
        read_snapshot(built_database, feature_set, folder=folder, **asked),
        read_rows(built_database, feature_set, **asked),
    )
    beyond = read_snapshot(built_database, feature_set, folder=folder, date_from=days[-1] + timedelta(days=1))
    assert beyond.is_empty()
    with pytest.raises(UsageError, match="no column pionts"):
        read_snapshot(built_database, feature_set, folder=folder, columns=["pionts"])


def test_a_later_build_has_its_own_and_the_earlier_one_stays_as_it_was(raw_database, feature_set, settings, folder):
    backfill(raw_database, feature_set, settings)
    first = current_build(raw_database, feature_set)
    before = read_snapshot(raw_database, feature_set, folder=folder)
    backfill(raw_database, feature_set, settings, rebuild=True)
    read_snapshot(raw_database, feature_set, folder=folder)
    assert len(list(folder.iterdir())) == 2
    assert_frame_equal(read_snapshot(raw_database, feature_set, folder=folder, build_id=first.build_id), before)


@pytest.mark.parametrize("damage", [lambda content: content[:1000], lambda content: content[:-1] + b"?"])
def test_a_damaged_file_is_made_again(built_database, feature_set, folder, damage):
    rows = read_snapshot(built_database, feature_set, folder=folder)
    path = next(folder.iterdir())
    path.write_bytes(damage(path.read_bytes()))
    assert_frame_equal(read_snapshot(built_database, feature_set, folder=folder), rows)
    assert [each.suffix for each in folder.iterdir()] == [".parquet"]


def test_only_the_newest_stay(built_database, feature_set, folder):
    folder.mkdir()
    for n in range(KEPT + 2):
        (folder / f"{feature_set.name}-build-{n}-old.parquet").write_bytes(b"")
    read_snapshot(built_database, feature_set, folder=folder)
    assert len(list(folder.iterdir())) == KEPT


def test_nothing_built_is_said_as_by_read_rows(raw_database, feature_set, folder):
    with pytest.raises(UnavailableError, match="tipoff features backfill"):
        read_snapshot(raw_database, feature_set, folder=folder)
