"""What `features status` says: what is expected and done, what runs, what failed, and which rows are gone."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from contracts import tables
from contracts.database import writing
from contracts.errors import RefusedError
from features.builders.compute import BUILDERS
from features.table.backfill import backfill
from features.table.builds import start_build
from features.table.lock import backfill_lock
from features.table.row_counts import Miscount
from features.table.status import Failure, StatusReader, stale_dates, status
from features.table.versioned_rows import builder_table


@pytest.mark.parametrize("builder", BUILDERS)
def test_rows_deleted_behind_its_back_are_named_and_built_again(
    built_database, built_database_rows, feature_set, settings, current, builder
):
    """One builder's rows of one date, taken out by hand: status names the unit, training refuses, backfill mends."""
    table = builder_table(builder, feature_set)
    day, n_rows = _a_date_in_the_middle(built_database, table)
    with writing(built_database) as connection:
        connection.execute(sa.delete(table).where(table.c.game_date == day))
    found = status(built_database, settings)
    assert not found.complete
    assert found.miscounts == [Miscount(builder, day, n_rows, 0)]
    assert str(found.miscounts[0]) == f"{builder} of {day}: {n_rows} rows were written, 0 stand"
    assert {row["builder"]: row["stale"] for row in found.builders if row["stale"]} == {builder: 1}
    assert stale_dates(built_database, feature_set, settings) == [day]
    report = backfill(built_database, feature_set, settings)
    assert (report.dates, report.changed) == (1, n_rows)
    _assert_whole(built_database, built_database_rows, settings, current)


def test_a_single_lost_row_and_a_single_added_one_are_noticed(
    built_database, built_database_rows, feature_set, settings, current
):
    """Counts are by date and builder: a row fewer here and one more there do not make up for each other."""
    table = builder_table("player_daily_cache", feature_set)
    with writing(built_database) as connection:
        rows = connection.execute(sa.select(table).order_by(table.c.game_date)).mappings().all()
        lost, copied = rows[0], rows[-1]
        is_lost = (table.c.game_id == lost["game_id"], table.c.player_id == lost["player_id"])
        connection.execute(sa.delete(table).where(*is_lost))
        connection.execute(sa.insert(table).values(**{**copied, "player_id": 999_999}))
    found = status(built_database, settings).miscounts
    assert [(each.game_date, each.n_standing - each.n_written) for each in found] == [
        (lost["game_date"], -1),
        (copied["game_date"], 1),
    ]
    assert backfill(built_database, feature_set, settings).dates == 2
    _assert_whole(built_database, built_database_rows, settings, current)


def test_a_table_that_is_gone_is_built_again(built_database, built_database_rows, feature_set, settings, current):
    with writing(built_database) as connection:
        connection.exec_driver_sql("DROP VIEW ml_feature_store_v2_33features_rows")
        builder_table("ml_feature_store", feature_set).drop(connection)
    n_dates = len({day for _, day in _units(built_database)})
    assert len(status(built_database, settings).miscounts) == n_dates
    assert backfill(built_database, feature_set, settings).dates == n_dates
    _assert_whole(built_database, built_database_rows, settings, current)


def test_units_deleted_by_hand_are_missing_and_only_their_dates_built(
    built_database, built_database_rows, feature_set, settings, current
):
    units = tables.build_units
    days = sorted({day for _, day in _units(built_database)})
    lost = [(BUILDERS[0], days[3]), (BUILDERS[2], days[3]), (BUILDERS[4], days[-2])]
    with writing(built_database) as connection:
        for builder, day in lost:
            connection.execute(sa.delete(units).where(units.c.builder == builder, units.c.game_date == day))
    counts = {row["builder"]: 0 for row in status(built_database, settings).builders}
    for row in status(built_database, settings).builders:
        counts[row["builder"]] += row["missing"]
    assert counts == {builder: sum(name == builder for name, _ in lost) for builder in BUILDERS}
    report = backfill(built_database, feature_set, settings, accept_quality="two dates of 18 players")
    assert (report.dates, report.changed) == (2, 0)
    _assert_whole(built_database, built_database_rows, settings, current)


def test_a_running_build_tells_its_rate_and_what_is_left(raw_database, feature_set, settings):
    seen = []
    reader = StatusReader(raw_database, settings)
    backfill(raw_database, feature_set, settings, progress=lambda *_: seen.append(reader.read()))
    assert [each.running.build_id for each in seen[:-1]] == [1] * (len(seen) - 1)
    first, second = (each.running for each in seen[:2])
    assert (first.dates, first.seconds_left) == (0, None)
    assert second.dates + second.left == first.left
    assert second.dates > 0
    assert second.seconds_left == pytest.approx(second.left / second.dates_per_second, rel=0.01)
    ended = reader.read()
    assert (ended.complete, ended.running, ended.failed) == (True, None, None)


def test_a_build_whose_process_died_is_told_as_interrupted_and_not_as_running(raw_database, feature_set, settings):
    start_build(raw_database, feature_set)
    assert status(raw_database, settings).failed == Failure(1, "interrupted")
    with backfill_lock(raw_database, 0):
        assert status(raw_database, settings).running.build_id == 1


@pytest.mark.parametrize("corruption", [{"team_id": 555}, {"game_date": date(2021, 10, 1)}])
def test_a_corrupt_raw_row_fails_the_build_by_name_until_it_is_mended(
    raw_database, built_database_rows, feature_set, settings, current, corruption
):
    """Behind the checks' back: a box score of a team or a date that its game is not of; the next run tries again."""
    box = tables.player_games
    with raw_database.connect() as connection:
        row = connection.execute(sa.select(box).where(box.c.minutes > 30).order_by(box.c.game_date)).mappings().first()
    _write_unchecked(raw_database, row, corruption)
    for build_id in (1, 2):
        with pytest.raises(RefusedError, match=row["game_id"]) as refused:
            backfill(raw_database, feature_set, settings)
        failed = status(raw_database, settings).failed
        assert failed == Failure(build_id, f"RefusedError: {refused.value}")
    _write_unchecked(raw_database, row, {name: row[name] for name in corruption})
    backfill(raw_database, feature_set, settings)
    assert status(raw_database, settings).failed is None
    _assert_whole(raw_database, built_database_rows, settings, current)


def _write_unchecked(engine: sa.Engine, row, values) -> None:
    """Into the raw table, past the checks of an ingest."""
    box = tables.player_games
    is_row = (box.c.game_id == row["game_id"], box.c.player_id == row["player_id"])
    with writing(engine) as connection:
        connection.execute(sa.update(box).where(*is_row).values(**values))


def _a_date_in_the_middle(engine: sa.Engine, table: sa.Table):
    with engine.connect() as connection:
        counting = sa.select(table.c.game_date, sa.func.count()).group_by(table.c.game_date).order_by(table.c.game_date)
        counts = connection.execute(counting).all()
    return counts[len(counts) // 2]


def _units(engine: sa.Engine):
    with engine.connect() as connection:
        return connection.execute(sa.select(tables.build_units.c.builder, tables.build_units.c.game_date)).all()


def _assert_whole(engine: sa.Engine, rows, settings, current) -> None:
    """Every builder's table and the units are those of an undisturbed build."""
    found = status(engine, settings)
    assert found.complete
    assert found.miscounts == []
    for name, made in current(engine).items():
        assert_frame_equal(made, rows[name], check_exact=True)
