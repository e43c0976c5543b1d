"""The moment of the database: what stored rows depend on. While it is the same, so are they."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import sqlalchemy as sa

from contracts.tables import builds, ingests
from serving.database_file import DatabaseFile

Moment = tuple[int | None, int | None, int | None]
"""The newest ingest that changed a fact, the newest build that is done, and which file an embedded database is."""

_CHANGED = sa.select(sa.func.max(ingests.c.ingest_id)).where(ingests.c.n_changed > 0).scalar_subquery()
_DONE = sa.select(sa.func.max(builds.c.build_id)).where(builds.c.state == "done").scalar_subquery()
_NOW = sa.select(_CHANGED, _DONE)


class Moments:
    """Tells the moment of a database. Safe for threads.

    An embedded database is asked over a connection kept for it, which says whether anybody has written since (`PRAGMA
    data_version`), in microseconds: so little that an event loop may ask (`at_once`). A server is asked each time.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._file = DatabaseFile(engine)
        self._question = str(_NOW.compile(engine, compile_kwargs={"literal_binds": True}))
        self._lock = threading.Lock()
        self._open: tuple[int | None, sqlite3.Connection] | None = None
        self._known: tuple[int, tuple[int | None, int | None]] | None = None

    def now(self) -> Moment:
        """The moment as of now.

        Raises UnavailableError where the database's file is gone, and what a database raises that does not answer.
        """
        known = self.at_once()
        if known is not None:
            return known
        with self._engine.connect() as connection:
            changed, done = connection.execute(_NOW).one()
        return changed, done, self._file.check()

    def at_once(self) -> Moment | None:
        """The moment as of now, or None where telling it may take time: a server is to be asked, or a file is locked.

        Raises UnavailableError where the database's file is gone.
        """
        inode = self._file.check()
        if self._file.path is None:
            return None
        with self._lock:
            try:
                return (*self._embedded(self._file.path, inode), inode)
            except sqlite3.Error:  # locked, or no database any more: the engine waits, or says so
                self._close()
        return None

    def close(self) -> None:
        """Give the kept connection up; asked again, it is opened again."""
        with self._lock:
            self._close()

    def _embedded(self, path: Path, inode: int | None) -> tuple[int | None, int | None]:
        if self._open is None or self._open[0] != inode:
            self._close()
            address = f"{path.resolve().as_uri()}?mode=rw"
            made = sqlite3.connect(address, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
            self._open = inode, made
        connection = self._open[1]
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if self._known is None or self._known[0] != version:
            changed, done = connection.execute(self._question).fetchone()
            self._known = version, (changed, done)
        return self._known[1]

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
        self._open = self._known = None
