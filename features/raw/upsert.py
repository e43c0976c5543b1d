"""Rows into a raw table by key: equal ones are left alone, others are replaced or added."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts.database import insert_frame, read_frame
from features.raw.checks import REJECTS

IDS_A_QUERY = 5_000


@dataclass(frozen=True)
class Written:
    """What became of rows: those that stand in the tables now, (source, row) of those that were news, the rejects."""

    rows: pl.DataFrame
    changed: pl.DataFrame
    rejects: pl.DataFrame


def rows_of(connection: sa.Connection, query: sa.Select[Any], column: sa.Column[Any], ids: pl.Series) -> pl.DataFrame:
    """The rows of `query` whose `column` is among `ids`."""
    parts = [
        read_frame(connection, query.where(column.in_(chunk))) for chunk in _chunks(ids.unique(maintain_order=True))
    ]
    return pl.concat(parts) if parts else read_frame(connection, query.where(sa.false()))


def write_changed(
    connection: sa.Connection, table: sa.Table, rows: pl.DataFrame, existing: pl.DataFrame
) -> pl.DataFrame:
    """Makes `table` hold `rows`, and returns the keys of those that were new or different.

    `rows` has every column of the table and no key twice; `existing` is what the table held of these keys (and
    maybe of others, which stay).
    """
    names = table.columns.keys()
    key = [column.name for column in table.primary_key]
    schema = {name: existing.schema[name] for name in names}
    changed = rows.select(names).cast(schema).join(existing, on=names, how="anti", nulls_equal=True)  # type: ignore[arg-type]
    _delete(connection, table, existing.select(key).join(changed, on=key, how="semi"))
    insert_frame(connection, table, changed)
    return changed.select(key)


def write_table(connection: sa.Connection, table: sa.Table, rows: pl.DataFrame, known_by: str) -> Written:
    """Fills a table of one kind of source; `known_by` names the key column by which known rows are looked up."""
    known = rows_of(connection, sa.select(table), table.c[known_by], rows[known_by])
    return written(rows, write_changed(connection, table, rows, known))


def written(rows: pl.DataFrame, changed: pl.DataFrame) -> Written:
    """All `rows` stand, and those with a key in `changed` were news."""
    news = rows.join(changed, on=changed.columns, how="semi").select("source", "row")
    return Written(rows, news, pl.DataFrame(schema=REJECTS))


def _delete(connection: sa.Connection, table: sa.Table, keys: pl.DataFrame) -> None:
    if keys.is_empty():
        return
    is_row = sa.and_(*(table.c[name] == sa.bindparam(f"key_{name}") for name in keys.columns))
    connection.execute(table.delete().where(is_row), keys.select(pl.all().name.prefix("key_")).to_dicts())


def _chunks(ids: pl.Series) -> Iterator[list[Any]]:
    for start in range(0, ids.len(), IDS_A_QUERY):
        yield ids.slice(start, IDS_A_QUERY).to_list()
