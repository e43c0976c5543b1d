"""A backfill that ends in the middle leaves whole chunks, and the next one does what is left."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from contracts import clock, tables
from contracts.database import writing
from contracts.errors import RefusedError, TipoffError, UnavailableError
from features.table import backfill as backfill_module
from features.table.backfill import backfill
from features.table.builds import claim, current_build, start_build
from features.table.lock import backfill_lock
from features.table.rows import read_rows
from features.table.status import stale_dates, status

CHILD = """
import json, sys, time
from contracts.database import open_database
from contracts.settings import Settings
from features.table import backfill as backfill_module
from features.feature_sets import load_feature_set

url, chunk_dates, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
backfill_module.CHUNK_DATES = chunk_dates
report = backfill_module.backfill(
    open_database(url), load_feature_set("v2_33features"), Settings(), progress=lambda done, total: time.sleep(pause)
)
print(json.dumps({"dates": report.dates, "skipped": report.skipped}))
"""


class PulledPlugError(Exception):
    """What ends a backfill between two chunks."""


def pull_the_plug(done: int, _total: int) -> None:
    if done:
        raise PulledPlugError


def test_after_an_interruption_the_rest_is_done_and_equals_an_undisturbed_build(
    raw_database, built_database_rows, feature_set, settings, current
):
    with pytest.raises(PulledPlugError):
        backfill(raw_database, feature_set, settings, progress=pull_the_plug)
    assert current_build(raw_database, feature_set) is None
    half = status(raw_database, settings).builders
    assert all(sum(r["done"] for r in half if r["builder"] == b) > 0 for b in {r["builder"] for r in half})
    assert not status(raw_database, settings).complete

    report = backfill(raw_database, feature_set, settings)

    assert report.skipped == backfill_module.CHUNK_DATES
    assert _states(raw_database) == ["failed", "done"]
    for name, rows in current(raw_database).items():
        assert_frame_equal(rows, built_database_rows[name], check_exact=True)


def test_what_the_earlier_build_said_stays_readable_through_an_interruption(built_database, feature_set, settings):
    """Half of a new build's rows are written; readers still get the whole earlier build, and are told it is stale."""
    before = read_rows(built_database, feature_set)
    _rescore(built_database, feature_set)
    with pytest.raises(PulledPlugError):
        backfill(built_database, feature_set, settings, progress=pull_the_plug)
    assert_frame_equal(read_rows(built_database, feature_set), before, check_exact=True)
    stale = stale_dates(built_database, feature_set, settings)
    assert stale == before["game_date"].unique().sort().to_list()


def test_an_interrupted_build_is_adopted_even_when_nothing_is_left_to_compute(built_database, feature_set, settings):
    """Its chunks are fresh, yet no finished build holds them: the next backfill makes one."""
    with pytest.raises(PulledPlugError):
        backfill(built_database, feature_set, settings, rebuild=True, progress=pull_the_plug)
    interrupted = stale_dates(built_database, feature_set, settings)
    assert len(interrupted) == backfill_module.CHUNK_DATES
    report = backfill(built_database, feature_set, settings)
    assert report.dates == 0
    assert current_build(built_database, feature_set).build_id == report.build_id == 3
    assert stale_dates(built_database, feature_set, settings) == []


def test_a_build_left_running_is_marked_interrupted_by_the_next(raw_database, feature_set, settings):
    with writing(raw_database) as connection:
        connection.execute(
            sa.insert(tables.builds).values(
                feature_set=feature_set.name,
                feature_set_hash=feature_set.hash,
                code_hash="0" * 64,
                state="running",
                started_at=clock.now(),
            )
        )
    backfill(raw_database, feature_set, settings)
    with raw_database.connect() as connection:
        first = connection.execute(sa.select(tables.builds).where(tables.builds.c.build_id == 1)).mappings().one()
    assert (first["state"], first["failure"]) == ("failed", "interrupted")


def test_nothing_is_written_for_a_build_that_another_backfill_took_over(raw_database, feature_set):
    first = start_build(raw_database, feature_set)
    second = start_build(raw_database, feature_set)
    with writing(raw_database) as connection:
        with pytest.raises(TipoffError, match="took over"):
            claim(connection, first)
        claim(connection, second)


def test_a_second_backfill_is_refused_while_one_runs(raw_database, feature_set, settings):
    with backfill_lock(raw_database, 0), pytest.raises(RefusedError, match="Another backfill"):
        backfill(raw_database, feature_set, settings, wait_seconds=0.2)
    assert _states(raw_database) == []


def test_a_build_with_no_finished_chunk_leaves_nothing_to_read(raw_database, feature_set, settings):
    with pytest.raises(PulledPlugError):
        backfill(raw_database, feature_set, settings, progress=lambda done, total: pull_the_plug(1, total))
    with pytest.raises(UnavailableError, match="tipoff features backfill"):
        read_rows(raw_database, feature_set)


def test_two_processes_at_once_build_everything_once(raw_database, built_database_rows, feature_set, current):
    with _child(raw_database, 5, 0.05) as first, _child(raw_database, 5, 0.05) as second:
        outputs = [process.communicate(timeout=60)[0] for process in (first, second)]
    reports = sorted(json.loads(output)["dates"] for output in outputs)
    assert reports[0] == 0 < reports[1]
    assert _states(raw_database) == ["done"]
    for name, rows in current(raw_database).items():
        assert_frame_equal(rows, built_database_rows[name], check_exact=True)


@pytest.mark.slow
def test_a_killed_process_leaves_whole_chunks_and_the_next_finishes(
    raw_database, built_database_rows, feature_set, settings, current
):
    with _child(raw_database, 3, 0.02) as process:
        _wait_for_units(raw_database)
        process.kill()
        assert process.wait(timeout=30) == -9
    assert _states(raw_database) == ["running"]
    with raw_database.connect() as connection:
        units = connection.execute(sa.select(tables.build_units.c.builder, tables.build_units.c.game_date)).all()
    assert len(units) == 5 * len({day for _, day in units})
    assert backfill(raw_database, feature_set, settings).skipped == len({day for _, day in units})
    assert _states(raw_database) == ["failed", "done"]
    for name, rows in current(raw_database).items():
        assert_frame_equal(rows, built_database_rows[name], check_exact=True)


def _states(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(tables.builds.c.state).order_by(tables.builds.c.build_id)).scalars())


@contextmanager
def _child(engine: sa.Engine, chunk_dates: int, pause: float) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", CHILD, str(engine.url), str(chunk_dates), str(pause)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _wait_for_units(engine: sa.Engine) -> None:
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        with engine.connect() as connection:
            if connection.execute(sa.select(sa.func.count()).select_from(tables.build_units)).scalar_one():
                return
        time.sleep(0.01)
    raise AssertionError("the child wrote nothing")


def _rescore(engine: sa.Engine, feature_set) -> None:
    """A free throw more for whoever played on the first date: every later date may know it."""
    first = read_rows(engine, feature_set).filter(pl.col("state") == "played")["game_date"].min()
    table = tables.player_games
    with writing(engine) as connection:
        connection.execute(
            sa.update(table)
            .where(table.c.game_date == first)
            .values(ftm=table.c.ftm + 1, fta=table.c.fta + 1, points=table.c.points + 1)
        )
