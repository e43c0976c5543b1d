"""What goes into a table in bulk comes out again, value for value, on either database."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from contracts.database import writing
from contracts.errors import TipoffError
from contracts.frames import COPIED_ROWS, ROWS_AT_A_TIME, SLICES_A_FRAME, insert_frame, read_frame
from contracts.tables import UTCDateTime

ROWS = pl.DataFrame(
    {
        "text": ["plain", "", None, 'a "quoted", one\nand a line', "\\N", " 0012 ", "Dončić"],
        "number": [1, None, -(2**63), 2**63 - 1, 0, 7, 8],
        "sure": [1, 2, 3, 4, 5, 6, -(2**53) - 1],
        "fraction": [0.1, None, 5e-324, 1.7976931348623157e308, -0.1 - 0.2, 3.0, 1 / 3],
        "absent": pl.Series([None] * 7, dtype=pl.Float64),
        "truth": [True, False, None, True, False, True, True],
        "day": [date(2024, 2, 29), None, *[date(1999, 12, 31)] * 5],
        "time": [datetime(2024, 1, 26, 3, 0, 0, 1, tzinfo=UTC), None, *[datetime(2024, 7, 1, tzinfo=UTC)] * 5],
    },
    schema_overrides={"time": pl.Datetime("us", "UTC")},
)


@pytest.fixture
def table(migrated: sa.Engine) -> sa.Table:
    made = sa.Table(
        "kinds",
        sa.MetaData(),
        sa.Column("text", sa.Text),
        sa.Column("number", sa.BigInteger),
        sa.Column("sure", sa.BigInteger, nullable=False),
        sa.Column("fraction", sa.Float),
        sa.Column("absent", sa.Float),
        sa.Column("truth", sa.Boolean),
        sa.Column("day", sa.Date),
        sa.Column("time", UTCDateTime),
    )
    made.drop(migrated, checkfirst=True)
    made.create(migrated)
    return made


def stored(engine: sa.Engine, table: sa.Table, frame: pl.DataFrame, query: sa.Select | None = None) -> pl.DataFrame:
    with writing(engine) as connection:
        assert insert_frame(connection, table, frame) == frame.height
        return read_frame(connection, sa.select(table) if query is None else query)


def test_every_kind_of_value_comes_back_to_the_bit(migrated: sa.Engine, table: sa.Table) -> None:
    assert_frame_equal(stored(migrated, table, ROWS), ROWS, check_exact=True)


def test_more_rows_than_a_slice_come_back_each_once(migrated: sa.Engine, table: sa.Table) -> None:
    n = max(COPIED_ROWS, ROWS_AT_A_TIME * SLICES_A_FRAME) + 11
    many = pl.DataFrame({"sure": range(n), "fraction": [place / 7 for place in range(n)]})
    query = sa.select(table.c.sure, table.c.fraction).order_by(table.c.sure)
    assert_frame_equal(stored(migrated, table, many, query), many, check_exact=True)


def test_columns_come_in_the_order_asked_for_one_fraction_alone_too(migrated: sa.Engine, table: sa.Table) -> None:
    query = sa.select(table.c.fraction, table.c.text).order_by(table.c.sure)
    expected = ROWS.sort("sure").select("fraction", "text")
    assert_frame_equal(stored(migrated, table, ROWS, query), expected, check_exact=True)


def test_no_rows_are_a_frame_of_the_same_types(migrated: sa.Engine, table: sa.Table) -> None:
    assert stored(migrated, table, ROWS.clear()).schema == ROWS.schema


def test_rows_of_a_failed_transaction_are_not_there(migrated: sa.Engine, table: sa.Table) -> None:
    with pytest.raises(sa.exc.DBAPIError), writing(migrated) as connection:  # noqa: PT012 both statements are one transaction
        insert_frame(connection, table, ROWS)
        connection.exec_driver_sql("SELECT * FROM no_such_table")
    with migrated.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0


def test_a_column_that_the_table_has_not_is_refused_by_name(migrated: sa.Engine, table: sa.Table) -> None:
    with pytest.raises(ValueError, match="kinds has no column colour"):
        stored(migrated, table, ROWS.with_columns(colour=pl.lit("red")))


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("number", "twelve", "a whole number"),
        ("number", 1.5, "a whole number"),
        ("fraction", "half", "a number"),
        ("day", "yesterday", "a date"),
        ("time", "noon", "a time"),
        ("truth", "yes", "0 or 1"),
    ],
)
def test_a_value_of_another_kind_in_sqlite_is_told_with_table_column_and_row(
    engine: sa.Engine, column: str, value: object, kind: str
) -> None:
    columns = [sa.Column("text", sa.Text), sa.Column("number", sa.BigInteger), sa.Column("fraction", sa.Float)]
    columns += [sa.Column("day", sa.Date), sa.Column("time", UTCDateTime), sa.Column("truth", sa.Boolean)]
    odd = sa.Table("odd", sa.MetaData(), *columns)
    with writing(engine) as connection:
        odd.create(connection)
        connection.exec_driver_sql("INSERT INTO odd (text, number) VALUES ('the first', 1)")
        insert = f"INSERT INTO odd (text, {column}) VALUES ('the second', ?)"  # noqa: S608 the test's own names
        connection.exec_driver_sql(insert, (value,))
    with engine.connect() as connection, pytest.raises(TipoffError) as told:
        read_frame(connection, sa.select(odd))
    assert f"odd.{column} holds {value!r}, which is not {kind}, in the row text='the second'" in told.value.message
