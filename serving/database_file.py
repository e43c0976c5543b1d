"""The SQLite file behind a service: one that is taken away or replaced is noticed, not answered from unseen."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from contracts.database import sqlite_path
from contracts.errors import UnavailableError


class DatabaseFile:
    """Watches the file of an embedded database; a server's database has none, and nothing is watched."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self.path = sqlite_path(engine.url.render_as_string(hide_password=False))
        self._inode = _inode(self.path)

    def check(self) -> int | None:
        """The file's inode (None: a server's database); open connections to another file are given up.

        Raises UnavailableError where it is gone: what is open is then a file that nobody else can see.
        """
        if self.path is None:
            return None
        found = _inode(self.path)
        if found is None:
            self._inode = None
            raise UnavailableError(f"The database file {self.path} is gone.", remedy="Restore it.")
        if found != self._inode:
            self._engine.dispose()
            self._inode = found
        return found


def _inode(path: Path | None) -> int | None:
    try:
        return path.stat().st_ino if path is not None else None
    except FileNotFoundError:
        return None
