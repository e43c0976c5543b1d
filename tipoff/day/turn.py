"""One at a time, on one machine or on many that share a database; a killed process leaves nothing locked."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa

from contracts import clock
from contracts.errors import RefusedError
from contracts.locks import advisory_lock, file_lock


@contextmanager
def one_at_a_time(path: Path, doing: str, database: sa.Engine | None = None, key: int = 0) -> Iterator[None]:
    """Nobody else holds the lock at `path` while the block runs, nor, on other machines, that of the `database`.

    The file says who holds it: `doing`, the process, since when. `key` is the number of the advisory lock, which a
    PostgreSQL alone has: an SQLite file belongs to one machine.
    Raises RefusedError, with those words, where somebody does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(path, wait_seconds=0))
        except TimeoutError as error:
            raise _refusal(path.read_text() or "somebody holds its lock") from error
        try:
            if database is not None and database.dialect.name == "postgresql":
                held.enter_context(advisory_lock(database, key, wait_seconds=0))
        except TimeoutError as error:
            raise _refusal("on another machine that shares the database") from error
        path.write_text(f"{doing}, process {os.getpid()} on {socket.gethostname()}, since {clock.wall():%H:%M:%S} UTC")
        yield


def is_running(path: Path) -> bool:
    """Whether a process of this machine holds the lock at `path`."""
    if not path.exists():
        return False
    try:
        with file_lock(path, wait_seconds=0):
            return False
    except TimeoutError:
        return True


def _refusal(who: str) -> RefusedError:
    return RefusedError(
        f"It runs already: {who}.", remedy="Wait for it to end; whatever it leaves undone, the next run does."
    )
