"""The database: an engine over SQLite or PostgreSQL, brought to the newest migration, and bulk rows in and out."""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from contracts.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    import polars as pl

BUSY_TIMEOUT_MS = 30_000
CACHE_KIB = 64 * 1024
CHECKPOINT_PAGES = 10_000
"""SQLite's cache and the length of its log (40 MB): its defaults write every page of a bulk insert several times."""
SLICE_ROWS = 3_000
"""Rows that are turned into Python values at a time: small enough to stay in the processor's cache."""


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


def insert_frame(connection: sa.Connection, table: sa.Table, frame: pl.DataFrame) -> int:
    """Insert every row of `frame` (columns by name) into `table`, in bulk; returns the count.

    SQLite gets one prepared statement run over tuples, PostgreSQL a COPY.
    """
    if frame.is_empty():
        return 0
    columns = frame.columns
    unknown = sorted(set(columns) - set(table.columns.keys()))
    if unknown:
        raise ValueError(f"{table.name} has no column {', '.join(unknown)}")
    names = ", ".join(f'"{name}"' for name in columns)
    if connection.dialect.name == "postgresql":
        cursor = connection.connection.cursor()
        with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
            for row in frame.iter_rows():
                copy.write_row(row)
    else:
        marks = ", ".join("?" * len(columns))
        statement = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608 names are the table's own
        for part in _sqlite_values(frame).iter_slices(SLICE_ROWS):
            connection.exec_driver_sql(statement, list(zip(*(column.to_list() for column in part), strict=True)))
    return frame.height


def read_frame(connection: sa.Connection, query: sa.Select[Any]) -> pl.DataFrame:
    """The result of `query` as a Polars frame with the columns' own types (times aware, in UTC)."""
    import polars as pl

    types = {column.name: _polars_type(column.type) for column in query.selected_columns}
    result = connection.execute(query)
    if pl.Object in types.values():
        values = [tuple(row) for row in result.fetchall()]
        return pl.DataFrame(values, schema=types, orient="row", infer_schema_length=None)
    # the driver's own rows, slice by slice and column by column: four times as fast as through SQLAlchemy's
    stored = _sqlite_types(types) if connection.dialect.name == "sqlite" else types
    frames = [pl.DataFrame(schema=stored)]
    while rows := result.cursor.fetchmany(SLICE_ROWS):
        columns = zip(stored.items(), zip(*rows, strict=True), strict=True)
        frames.append(pl.DataFrame([pl.Series(name, values, dtype=kind) for (name, kind), values in columns]))
    result.close()
    frame = pl.concat(frames)
    return frame.select(_as_declared(name, stored[name], kind) for name, kind in types.items())


def is_up_to_date(engine: sa.Engine) -> bool:
    """Whether the database is at the newest migration."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    head = ScriptDirectory(str(_migrations_folder())).get_current_head()
    with engine.connect() as connection:
        return bool(MigrationContext.configure(connection).get_current_revision() == head)


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


def _migrate(engine: sa.Engine) -> None:
    from alembic import command
    from alembic.config import Config

    if is_up_to_date(engine):
        return
    config = Config()
    config.set_main_option("script_location", str(_migrations_folder()))
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":  # two processes may find an empty database at once
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7205)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _migrations_folder() -> Path:
    return Path(str(importlib.resources.files("contracts.migrations")))


def _sqlite_values(frame: pl.DataFrame) -> pl.DataFrame:
    """Dates and times as the text that SQLAlchemy reads back."""
    import polars as pl
    import polars.selectors as cs

    times = [
        pl.col(name).dt.convert_time_zone("UTC").dt.to_string("%Y-%m-%d %H:%M:%S%.6f")
        for name, kind in frame.schema.items()
        if isinstance(kind, pl.Datetime)
    ]
    return frame.with_columns(cs.date().dt.to_string("%Y-%m-%d"), *times, cs.boolean().cast(pl.Int64))


def _sqlite_types(types: dict[str, Any]) -> dict[str, Any]:
    """What SQLite keeps columns of `types` as: dates and times as text, truth as 0 and 1."""
    import polars as pl

    kept = {pl.Date: pl.String, pl.Datetime("us", "UTC"): pl.String, pl.Boolean: pl.Int64}
    return {name: kept.get(kind, kind) for name, kind in types.items()}


def _as_declared(name: str, stored: Any, kind: Any) -> Any:
    import polars as pl

    column = pl.col(name)
    if stored == kind:
        return column
    if kind == pl.Date:
        return column.str.to_date("%Y-%m-%d")
    if kind == pl.Boolean:
        return column.cast(pl.Boolean)
    return column.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", time_zone="UTC")


def _polars_type(kind: sa.types.TypeEngine[Any]) -> Any:
    import polars as pl

    if isinstance(kind, sa.types.TypeDecorator):
        return pl.Datetime("us", "UTC")
    choices: Sequence[tuple[type, Any]] = (
        (sa.Boolean, pl.Boolean),
        (sa.Integer, pl.Int64),
        (sa.Float, pl.Float64),
        (sa.DateTime, pl.Datetime("us", "UTC")),
        (sa.Date, pl.Date),
        (sa.String, pl.String),
    )
    return next((mapped for sql, mapped in choices if isinstance(kind, sql)), pl.Object)


def sqlite_path(url: str) -> Path | None:
    """The file of an embedded database, or None for a server."""
    made = sa.make_url(url)
    return Path(os.path.abspath(made.database)) if made.get_backend_name() == "sqlite" and made.database else None
