"""One backfill at a time, on one machine or on many; a lock that a killed process cannot leave behind."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from contracts.database import sqlite_path
from contracts.errors import RefusedError

ADVISORY_KEY = 7207
"""The number of PostgreSQL's advisory lock."""

POLL_SECONDS = 0.1


@contextmanager
def backfill_lock(engine: sa.Engine, wait_seconds: float) -> Iterator[None]:
    """Nobody else backfills this database while the block runs.

    SQLite: a lock on a file beside the database; PostgreSQL: an advisory lock of the session. Either ends with
    the process that holds it.

    Raises RefusedError where another backfill still runs after `wait_seconds`.
    """
    file = sqlite_path(engine.url.render_as_string(hide_password=False))
    with _file_lock(file, wait_seconds) if file else _advisory_lock(engine, wait_seconds):
        yield


@contextmanager
def _file_lock(database: Path, wait_seconds: float) -> Iterator[None]:
    with database.with_name(f"{database.name}-backfill.lock").open("a") as file:

        def try_lock() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        _wait(try_lock, wait_seconds)
        yield


@contextmanager
def _advisory_lock(engine: sa.Engine, wait_seconds: float) -> Iterator[None]:
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:

        def try_lock() -> bool:
            return bool(connection.execute(sa.select(sa.func.pg_try_advisory_lock(ADVISORY_KEY))).scalar())

        _wait(try_lock, wait_seconds)
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(ADVISORY_KEY)))


def _wait(try_lock: Callable[[], bool], wait_seconds: float) -> None:
    give_up_at = time.monotonic() + wait_seconds
    while not try_lock():
        if time.monotonic() >= give_up_at:
            raise RefusedError(
                f"Another backfill of this database is running (waited {wait_seconds:g} s).",
                remedy="Wait for it to end, then run `tipoff features backfill` again.",
            )
        time.sleep(POLL_SECONDS)
