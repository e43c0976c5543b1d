"""One day at a time, on one machine or on many that share a database; a killed one leaves nothing locked."""

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

ADVISORY_KEY = 7208
"""The number of PostgreSQL's advisory lock."""


@contextmanager
def one_at_a_time(engine: sa.Engine, path: Path, doing: str) -> Iterator[None]:
    """Nobody else holds the lock at `path`, nor its like on another machine of a PostgreSQL, while the block runs.

    The file says who holds it: `doing`, the process, since when.
    Raises RefusedError, with those words, where somebody does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(path, wait_seconds=0))
            if engine.dialect.name == "postgresql":
                held.enter_context(advisory_lock(engine, ADVISORY_KEY, wait_seconds=0))
        except TimeoutError as error:
            raise RefusedError(
                f"It runs already: {path.read_text() or 'somebody'}.",
                remedy="Wait for it to end; whatever it leaves undone, the next run does.",
            ) from error
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
