"""Builds day by day take about the space of one: a build stores only what changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from contracts import tables
from contracts.database import open_database, writing
from features.builders.compute import BUILDERS
from features.table.backfill import backfill
from features.table.versioned_rows import builder_table

HISTORIES = ("builds", "build_units", "build_dates", "raw_digests")
LIMIT = 1.3


@pytest.fixture(params=[False, True], ids=["schedule of the day", "schedule of the season"])
def day_by_day(request, raw_file, tmp_path, feature_set, settings) -> Iterator[sa.Engine]:
    """Each date's games and box scores come after those before were built; or every game is known from the start."""
    shutil.copy(raw_file, tmp_path / "daily.db")
    engine = open_database(f"sqlite:///{tmp_path / 'daily.db'}")
    games, box = tables.games, tables.player_games
    with writing(engine) as connection:
        to_come = {table: connection.execute(sa.select(table)).mappings().all() for table in (games, box)}
        connection.execute(sa.delete(box))
        if request.param:
            del to_come[games]
        else:
            connection.execute(sa.delete(games))
    dates = sorted({row["game_date"] for row in to_come[box]})
    n_first = len(dates) // 2  # a table of a few rows is all pages half empty
    for days in (dates[:n_first], *([day] for day in dates[n_first:])):
        with writing(engine) as connection:
            for table, rows in to_come.items():
                connection.execute(sa.insert(table), [dict(row) for row in rows if row["game_date"] in days])
        backfill(engine, feature_set, settings, accept_quality="dates of 31 rows")
    yield engine
    engine.dispose()


@pytest.mark.slow
def test_daily_builds_take_at_most_1_3_times_the_space_of_one_full_build(day_by_day, tmp_path, feature_set, settings):
    with day_by_day.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    shutil.copy(tmp_path / "daily.db", tmp_path / "full.db")
    full = open_database(f"sqlite:///{tmp_path / 'full.db'}")
    with writing(full) as connection:
        for builder in BUILDERS:
            connection.execute(sa.delete(builder_table(builder, feature_set)))
        for name in ("build_units", "build_dates", "raw_digests", "builds"):
            connection.execute(sa.delete(tables.metadata.tables[name]))
    backfill(full, feature_set, settings)
    assert 1.0 <= _bytes(day_by_day, feature_set) / _bytes(full, feature_set) <= LIMIT
    full.dispose()


def _bytes(engine: sa.Engine, feature_set) -> int:
    """What the five tables and the builds' histories take, indexes included."""
    names = [*(builder_table(builder, feature_set).name for builder in BUILDERS), *HISTORIES]
    master = sa.table("sqlite_master", sa.column("name"), sa.column("tbl_name"))
    pages = sa.table("dbstat", sa.column("name"), sa.column("pgsize", sa.Integer), sa.column("unused", sa.Integer))
    parts = sa.select(master.c.name).where(master.c.tbl_name.in_(names))
    with engine.connect() as connection:
        used = sa.select(sa.func.sum(pages.c.pgsize - pages.c.unused)).where(pages.c.name.in_(parts))
        return int(connection.execute(used).scalar_one())
