"""The moment of a database: every ingest, build and other file is another one, and a locked file makes nobody wait."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.database import sqlite_path, writing
from contracts.errors import UnavailableError
from contracts.settings import Settings
from contracts.tables import builds, players
from features.table.backfill import backfill
from serving.moments import Moments


@pytest.fixture
def moments(world: Any) -> Iterator[Moments]:
    made = Moments(world.engine)
    yield made
    made.close()


def test_it_is_the_same_until_a_fact_or_a_build_is_new(world: Any, moments: Moments) -> None:
    first = moments.now()
    assert moments.at_once() == moments.now() == first
    with writing(world.engine) as connection:
        connection.execute(sa.insert(players).values(player_id=1, name="Nobody whose facts count"))
    assert moments.now() == first
    world.correct_a_score(days_back=3)
    corrected = moments.now()
    assert corrected[0] > first[0]
    backfill(world.engine, world.feature_set, Settings())
    assert moments.now()[1] > corrected[1]
    with writing(world.engine) as connection:
        connection.execute(sa.update(builds).values(state="failed"))
    assert moments.now()[1] is None


def test_it_tells_what_another_process_wrote(world: Any, moments: Moments) -> None:
    first = moments.now()
    with sqlite3.connect(sqlite_path(world.home.database_url)) as other:
        other.execute("UPDATE builds SET state = 'failed'")
    assert moments.at_once() != first


def test_another_file_in_its_place_is_another_moment_and_none_at_all_is_said(world: Any, moments: Moments) -> None:
    first, path = moments.now(), sqlite_path(world.home.database_url)
    with world.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, path.with_name("other.db"))
    path.with_name("other.db").replace(path)
    second = moments.at_once()
    assert (second[:2], second[2] != first[2]) == (first[:2], True)
    path.unlink()
    with pytest.raises(UnavailableError, match="is gone"):
        moments.at_once()


def test_where_the_file_is_no_database_nothing_is_told_at_once(world: Any, moments: Moments) -> None:
    path = sqlite_path(world.home.database_url)
    broken = path.with_name("broken.db")
    broken.write_bytes(b"no database " * 1000)
    broken.replace(path)
    assert moments.at_once() is None
    with pytest.raises(sa.exc.DatabaseError):
        moments.now()


def test_closed_and_asked_again_it_opens_again(moments: Moments) -> None:
    first = moments.now()
    moments.close()
    assert moments.now() == first
