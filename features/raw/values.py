"""A source's columns as typed values: what cannot be read is NULL, and a reject that quotes it."""

from __future__ import annotations

import polars as pl
import polars.selectors as cs

from contracts.errors import UsageError
from features.raw.checks import Check, rejects_of
from features.sources.files import Source
from features.sources.layouts import Column, Holds, Layout

DTYPES: dict[Holds, pl.DataType] = {
    Holds.WHOLE: pl.Int64(),
    Holds.NUMBER: pl.Float64(),
    Holds.TEXT: pl.String(),
    Holds.DATE: pl.Date(),
    Holds.TIME: pl.Datetime("us", "UTC"),
    Holds.GAME_ID: pl.String(),
}


def typed_values(index: int, source: Source, layout: Layout) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The layout's columns under our names and types, and the rejects for values that are missing or unreadable.

    Rows carry `source` (= index) and `row` (1 for the first below the header). A column that the source may lack
    is NULL throughout. Raises UsageError where a column holds nested values.
    """
    raw = _raw_columns(source, layout)
    values = raw.select(
        pl.lit(index, dtype=pl.Int64).alias("source"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row"),
        *(_value(column, raw.schema[column.name]).alias(column.name) for column in layout.columns),
    )
    quoted = values.select("source", "row").with_columns(
        raw.select(pl.all().cast(pl.String).name.prefix("given ")).get_columns()
    )
    faults = values.with_columns(quoted.drop("source", "row").get_columns())
    checks = [check for column in layout.columns for check in _checks(column)]
    return values, rejects_of(faults, checks)


def _raw_columns(source: Source, layout: Layout) -> pl.DataFrame:
    """The layout's columns as given, blank text and NaN as NULL."""
    frame = source.frame
    columns = []
    for column in layout.columns:
        if column.source not in frame.columns:
            columns.append(pl.lit(None, dtype=DTYPES[column.holds]).alias(column.name))
            continue
        dtype = frame.schema[column.source]
        if dtype.is_nested() or dtype in (pl.Binary, pl.Object, pl.Duration, pl.Time):
            raise UsageError(
                f"{source.name}: the column {column.source} holds {dtype}.", remedy=f"It must hold {column.holds}."
            )
        columns.append(pl.col(column.source).alias(column.name))
    return (
        frame.select(columns)
        .with_columns(
            cs.by_dtype(pl.Categorical, pl.Enum, pl.Boolean).cast(pl.String),
            cs.float().fill_nan(None),
        )
        .with_columns(cs.string().str.strip_chars().replace("", None))
    )


def _checks(column: Column) -> list[Check]:
    given, value = pl.col(f"given {column.name}"), pl.col(column.name)
    unreadable = Check(
        f"{column.source} is not {column.holds}",
        given.is_not_null() & value.is_null(),
        pl.format(f"{column.source} '{{}}' is not {column.holds}", given),
    )
    if column.may_be_empty:
        return [unreadable]
    missing = Check(f"{column.source} is missing", given.is_null(), pl.lit(f"{column.source} is missing"))
    return [unreadable, missing]


def _value(column: Column, dtype: pl.DataType) -> pl.Expr:
    given = pl.col(column.name)
    if column.holds is Holds.WHOLE:
        return _whole(given, dtype)
    if column.holds is Holds.NUMBER:
        return given.cast(pl.Float64, strict=False).fill_nan(None)
    if column.holds is Holds.DATE:
        return _date(given, dtype)
    if column.holds is Holds.TIME:
        return _time(given, dtype)
    if column.holds is Holds.GAME_ID:
        return _game_id(given, dtype)
    return given.cast(pl.String)


def _whole(given: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_integer():
        return given.cast(pl.Int64, strict=False)
    number = given.cast(pl.Float64, strict=False)
    from_number = pl.when(number == number.floor()).then(number).cast(pl.Int64, strict=False)
    return pl.coalesce(given.cast(pl.Int64, strict=False), from_number) if dtype == pl.String else from_number


def _game_id(given: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Ids are text of ten digits; whoever kept them as numbers lost the two zeros in front."""
    digits = _whole(given, dtype).cast(pl.String) if dtype != pl.String else given.str.replace(r"^(\d+)\.0$", "${1}")
    return pl.when(digits.str.contains(r"^\d{8,10}$")).then(digits.str.zfill(10))


def _date(given: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Date:
        return given
    if dtype == pl.Datetime:
        return pl.when(given.dt.time() == pl.time(0, 0, 0)).then(given.dt.date())
    text = given.cast(pl.String)
    is_day = text.str.contains(r"^\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?)?$")
    return pl.when(is_day).then(text.str.slice(0, 10)).str.to_date("%Y-%m-%d", strict=False)


def _time(given: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A time that names no zone may be anybody's evening: it is not read."""
    if dtype == pl.Datetime:
        if dtype.time_zone is None:  # type: ignore[attr-defined]  # Datetime has it
            return pl.lit(None, dtype=DTYPES[Holds.TIME])
        return given.dt.convert_time_zone("UTC").cast(DTYPES[Holds.TIME])
    text = (
        given.cast(pl.String)
        .str.replace(r"^(\d{4}-\d{2}-\d{2}) ", "${1}T")
        .str.replace(r" ?(Z|UTC)$", "+00:00")
        .str.replace(r"([+-]\d{2})(\d{2})$", "${1}:${2}")
        .str.replace(r"(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?[+-]\d{2})$", "${1}:00")
        .str.replace(r"(T\d{2}:\d{2})([+-]\d{2}:\d{2})$", "${1}:00${2}")
    )
    return text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", strict=False)
