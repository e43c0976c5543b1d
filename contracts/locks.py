"""Locks between processes, of one machine or of all that share a database; no killed process leaves one behind."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

POLL_SECONDS = 0.1


@contextmanager
def file_lock(path: Path, wait_seconds: float) -> Iterator[None]:
    """Nobody else holds the lock on the file `path` (made; it stays) while the block runs.

    Raises TimeoutError where somebody still does after `wait_seconds`.
    """
    with path.open("a") as file:

        def try_lock() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        wait_for(try_lock, wait_seconds)
        yield


@contextmanager
def advisory_lock(engine: sa.Engine, key: int, wait_seconds: float) -> Iterator[None]:
    """Nobody else who shares the PostgreSQL database holds the lock of that number while the block runs.

    Raises TimeoutError where somebody still does after `wait_seconds`.
    """
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:

        def try_lock() -> bool:
            return bool(connection.execute(sa.select(sa.func.pg_try_advisory_lock(key))).scalar())

        wait_for(try_lock, wait_seconds)
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))


def wait_for(try_lock: Callable[[], bool], wait_seconds: float) -> None:
    """Return when `try_lock` says True; asked ten times a second.

    Raises TimeoutError where it still says False after `wait_seconds`.
    """
    give_up_at = time.monotonic() + wait_seconds
    while not try_lock():
        if time.monotonic() >= give_up_at:
            raise TimeoutError(f"waited {wait_seconds:g} s")
        time.sleep(POLL_SECONDS)
