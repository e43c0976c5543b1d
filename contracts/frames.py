"""Rows in bulk: Polars frames into tables, and queries into frames."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from contracts.misfits import misfit_in

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

ROWS_AT_A_TIME = 300
"""Rows that are Python values at once: few enough to stay in the processor's cache."""
SLICES_A_FRAME = 100
COPIED_ROWS = 50_000
"""Rows that are one text on their way to PostgreSQL."""


def insert_frame(connection: sa.Connection, table: sa.Table, frame: pl.DataFrame) -> int:
    """Insert every row of `frame` (columns by name) into `table`, in bulk; returns the count.

    SQLite gets one prepared statement run over tuples, PostgreSQL a COPY of whole slices.
    """
    if frame.is_empty():
        return 0
    unknown = sorted(set(frame.columns) - set(table.columns.keys()))
    if unknown:
        raise ValueError(f"{table.name} has no column {', '.join(unknown)}")
    if connection.dialect.name == "postgresql":
        _copy(connection, table, frame)
    else:
        _execute_many(connection, table, frame)
    return frame.height


def read_frame(connection: sa.Connection, query: sa.Select[Any]) -> pl.DataFrame:
    """The result of `query` as a Polars frame with the columns' own types (times aware, in UTC).

    Raises TipoffError naming table, column and row where SQLite keeps a value of another kind, such as text among
    whole numbers: it lets anybody write what he likes.
    """
    import polars as pl

    types = {column.name: polars_type(column.type) for column in query.selected_columns}
    result = connection.execute(query)
    if pl.Object in types.values():
        values = [tuple(row) for row in result.fetchall()]
        return pl.DataFrame(values, schema=types, orient="row", infer_schema_length=None)
    # the driver's own rows, slice by slice and column by column: several times as fast as through SQLAlchemy's
    if connection.dialect.name == "sqlite":
        stored = {name: _kept_as(kind) for name, kind in types.items()}
        try:
            frame = _fetch_with_numpy(result.cursor, stored)
            frame = frame.select(_as_declared(name, stored[name], kind) for name, kind in types.items())
        except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise misfit_in(connection, query, types) or error from error
    else:
        frame = _fetch(result.cursor, types)
    result.close()
    return frame


def polars_type(kind: sa.types.TypeEngine[Any]) -> Any:
    """The Polars type of a column of `kind`; Object for what is neither number, text, date, time nor truth."""
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


def _copy(connection: sa.Connection, table: sa.Table, frame: pl.DataFrame) -> None:
    """COPY as CSV: texts are quoted, NULL is not; a fraction is the shortest text that reads back to its bits."""
    statement = f"COPY \"{table.name}\" ({_names(frame)}) FROM STDIN (FORMAT csv, NULL '\\N')"
    with connection.connection.cursor().copy(statement) as copy:
        for part in frame.iter_slices(COPIED_ROWS):
            text = BytesIO()
            part.write_csv(text, include_header=False, null_value="\\N", quote_style="non_numeric")
            copy.write(text.getvalue())


def _execute_many(connection: sa.Connection, table: sa.Table, frame: pl.DataFrame) -> None:
    """One statement over tuples. A column without any value is left out: NULL is what it gets."""
    frame = frame.select(column for column in frame if column.null_count() < frame.height)
    marks = ", ".join("?" * frame.width)
    statement = f'INSERT INTO "{table.name}" ({_names(frame)}) VALUES ({marks})'  # noqa: S608 names are the table's own
    for part in _sqlite_values(frame).iter_slices(ROWS_AT_A_TIME):
        connection.exec_driver_sql(statement, list(zip(*(column.to_list() for column in part), strict=True)))


def _names(frame: pl.DataFrame) -> str:
    return ", ".join(f'"{name}"' for name in frame.columns)


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


def _kept_as(kind: Any) -> Any:
    """What SQLite keeps a column of `kind` as: dates and times as text, truth as 0 and 1."""
    import polars as pl

    return {pl.Date: pl.String, pl.Datetime("us", "UTC"): pl.String, pl.Boolean: pl.Int64}.get(kind, kind)


def _as_declared(name: str, stored: Any, kind: Any) -> pl.Expr:
    import polars as pl

    column = pl.col(name)
    if stored == kind:
        return column
    if kind == pl.Date:
        return column.str.to_date("%Y-%m-%d")
    if kind == pl.Boolean:
        return column.cast(pl.Boolean)
    return column.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", time_zone="UTC")


def _fetch(cursor: Any, types: dict[str, Any]) -> pl.DataFrame:
    import polars as pl

    frames = [pl.DataFrame(schema=types)]
    while rows := cursor.fetchmany(ROWS_AT_A_TIME):
        columns = zip(types.items(), zip(*rows, strict=True), strict=True)
        frames.append(pl.DataFrame([pl.Series(name, values, dtype=kind) for (name, kind), values in columns]))
    return pl.concat(frames)


def _fetch_with_numpy(cursor: Any, types: dict[str, Any]) -> pl.DataFrame:
    """The same, fractions through NumPy. It takes NULL for NaN, which SQLite never keeps: so a NaN is a NULL."""
    import polars as pl

    frames = [pl.DataFrame(schema=types)]
    while (part := _fetch_part(cursor, types)).height:
        frames.append(part)
    return pl.concat(frames)


def _fetch_part(cursor: Any, types: dict[str, Any]) -> pl.DataFrame:
    """The next rows, none where there are no more: so many that a table's texts are never Python values all at once."""
    import polars as pl

    fractions = [place for place, kind in enumerate(types.values()) if kind == pl.Float64]
    blocks = []
    others: dict[int, list[Any]] = {place: [] for place in range(len(types)) if place not in fractions}
    for _ in range(SLICES_A_FRAME):
        if not (rows := cursor.fetchmany(ROWS_AT_A_TIME)):
            break
        if fractions:
            blocks.append(_block(rows, fractions))
        for place, values in others.items():
            values.extend(map(itemgetter(place), rows))
    numbers = _columns(blocks, fractions)
    return pl.DataFrame(
        pl.Series(name, numbers[place], nan_to_null=True)
        if place in numbers
        else pl.Series(name, others[place], dtype=kind)
        for place, (name, kind) in enumerate(types.items())
    )


def _block(rows: list[tuple[Any, ...]], places: list[int]) -> npt.NDArray[Any]:
    """What stands at `places` in each of `rows`: one row a row."""
    import numpy as np

    values = map(itemgetter(*places), rows)
    flat = chain.from_iterable(values) if len(places) > 1 else values
    return np.fromiter(flat, dtype=np.float64, count=len(rows) * len(places)).reshape(len(rows), len(places))


def _columns(blocks: list[npt.NDArray[Any]], places: list[int]) -> dict[int, npt.NDArray[Any]]:
    import numpy as np

    whole = np.concatenate(blocks) if blocks else np.empty((0, len(places)))
    return dict(zip(places, np.ascontiguousarray(whole.T), strict=True))
