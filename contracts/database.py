"""The database: an engine over SQLite or PostgreSQL, brought to the newest migration; rows in bulk: frames.py."""

from __future__ import annotations

import importlib.resources
import os
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from contracts.errors import UnavailableError, UsageError
from contracts.frames import insert_frame, read_frame

__all__ = ["insert_frame", "is_up_to_date", "open_database", "parse_address", "read_frame", "sqlite_path", "writing"]

BUSY_TIMEOUT_MS = 30_000
CACHE_KIB = 64 * 1024
CHECKPOINT_PAGES = 10_000
"""SQLite's cache and the length of its log (40 MB): its defaults write every page of a bulk insert several times."""


def open_database(url: str) -> sa.Engine:
    """An engine at the newest migration.

    SQLite runs in WAL mode with foreign keys on and waits for a lock up to 30 seconds; a transaction begins
    IMMEDIATE when the connection has the execution option `writes`.

    Raises UsageError for an address that is none, UnavailableError for a database that does not answer.
    """
    engine = sa.create_engine(parse_address(url))
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    try:
        _migrate(engine)
    except sa.exc.DatabaseError as error:  # OperationalError among them; SQLite: a file that is no database
        said = " ".join(str(error.orig).split())  # psycopg's words stand on several lines
        raise UnavailableError(
            f"The database {engine.url.render_as_string(hide_password=True)} does not answer: {said}.",
            remedy="Check TIPOFF_DATABASE_URL and that the server is up.",
        ) from error
    return engine


def parse_address(url: str) -> sa.URL:
    """The address `url`: an SQLite file, or PostgreSQL by psycopg.

    Raises UsageError, which tells no password, for any other, an SQLite database in memory among them: it would be
    gone with the command.
    """
    try:
        made = sa.make_url(_with_driver(url))
    except (sa.exc.ArgumentError, ValueError):
        raise UsageError(
            "TIPOFF_DATABASE_URL is not a database address.", remedy="Write sqlite:////path/file.db or postgresql://..."
        ) from None
    is_file = made.drivername in ("sqlite", "sqlite+pysqlite") and made.database not in (None, "", ":memory:")
    if not is_file and made.drivername != "postgresql+psycopg":
        raise UsageError(
            f"{made.render_as_string(hide_password=True)!r} is no SQLite file and no PostgreSQL database.",
            remedy="Write sqlite:////path/file.db or postgresql://user@host/name.",
        )
    return made


def writing(engine: sa.Engine) -> Any:
    """A transaction that takes the writer's lock at once: `with writing(engine) as connection:`; all or nothing."""
    return engine.execution_options(writes=True).begin()


def is_up_to_date(engine: sa.Engine) -> bool:
    """Whether the database is at the newest migration, each being a file named by its revision.

    Every command asks: Alembic, which takes a fifth of a second to import, is for what is not up to date.
    """
    newest = max(script.name for script in _migrations_folder().glob("versions/[0-9]*.py")).partition("_")[0]
    marks = sa.table("alembic_version", sa.column("version_num"))
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(marks.name):
            return False
        return connection.scalars(sa.select(marks.c.version_num)).all() == [newest]


def _with_driver(url: str) -> str:
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _prepare_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def set_pragmas(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None  # transactions are begun below, not by the driver
        lasting = (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")
        for pragma in (*lasting, f"cache_size=-{CACHE_KIB}", f"wal_autocheckpoint={CHECKPOINT_PAGES}"):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    @sa.event.listens_for(engine, "invalidate")
    def roll_back(dbapi_connection: Any, _record: Any, _error: BaseException | None) -> None:
        """Ctrl-C amid a statement: SQLAlchemy closes the connection, yet its traceback keeps the statement, and with
        it the lock, alive; whoever writes down what was interrupted would wait for itself."""
        dbapi_connection.rollback()


def _migrate(engine: sa.Engine) -> None:
    if is_up_to_date(engine):
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_migrations_folder()))
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":  # two processes may find an empty database at once
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7205)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _migrations_folder() -> Path:
    return Path(str(importlib.resources.files("contracts.migrations")))


def sqlite_path(url: str) -> Path | None:
    """The file of an embedded database, or None for a server."""
    made = sa.make_url(url)
    return Path(os.path.abspath(made.database)) if made.get_backend_name() == "sqlite" and made.database else None
