"""One backfill at a time, on one machine or on many; a lock that a killed process cannot leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import sqlalchemy as sa

from contracts.database import sqlite_path
from contracts.errors import RefusedError
from contracts.locks import advisory_lock, file_lock

ADVISORY_KEY = 7207
"""The number of PostgreSQL's advisory lock."""


@contextmanager
def backfill_lock(engine: sa.Engine, wait_seconds: float) -> Iterator[None]:
    """Nobody else backfills this database while the block runs.

    SQLite: a lock on a file beside the database; PostgreSQL: an advisory lock of the session. Either ends with
    the process that holds it.

    Raises RefusedError where another backfill still runs after `wait_seconds`.
    """
    file = sqlite_path(engine.url.render_as_string(hide_password=False))
    lock = file_lock(file.with_name(f"{file.name}-backfill.lock"), wait_seconds) if file else None
    with ExitStack() as held:
        try:
            held.enter_context(lock or advisory_lock(engine, ADVISORY_KEY, wait_seconds))
        except TimeoutError as error:
            raise RefusedError(
                f"Another backfill of this database is running ({error}).",
                remedy="Wait for it to end, then run `tipoff features backfill` again.",
            ) from error
        yield


def is_backfilling(engine: sa.Engine) -> bool:
    """Whether somebody backfills this database at this moment."""
    try:
        with backfill_lock(engine, wait_seconds=0):
            return False
    except RefusedError:
        return True
