"""The store on a real PostgreSQL: the same bits as on SQLite, and one backfill at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from contracts.database import open_database
from contracts.errors import RefusedError
from features.table.backfill import backfill
from features.table.lock import backfill_lock


@pytest.fixture(scope="module")
def server(new_postgres, write_raw, small_league) -> Iterator[sa.Engine]:
    """The small league ingested, nothing built."""
    engine = open_database(new_postgres())
    write_raw(engine, small_league)
    yield engine
    engine.dispose()


def test_rows_hashes_and_units_are_those_of_sqlite(server, feature_set, settings, current, built_database_rows):
    report = backfill(server, feature_set, settings)
    assert report.changed > report.rows > 0
    for name, rows in current(server).items():
        assert_frame_equal(rows, built_database_rows[name], check_exact=True)
    again = backfill(server, feature_set, settings, rebuild=True)
    assert (again.rows, again.changed, again.closed) == (report.rows, 0, 0)


def test_a_second_backfill_is_refused_while_one_runs_and_may_run_afterwards(server, feature_set, settings):
    with backfill_lock(server, 0), pytest.raises(RefusedError, match="Another backfill"):
        backfill(server, feature_set, settings, wait_seconds=0.2)
    afterwards = backfill(server, feature_set, settings)
    assert afterwards.dates + afterwards.skipped > 0
