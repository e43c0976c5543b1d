"""Rows that belong to builds: only what changed is written, and what an earlier build saw stays readable."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts.database import insert_frame, read_frame
from contracts.errors import TipoffError
from contracts.feature_set import FeatureSet
from contracts.tables import FEATURE_ROW_LABELS, feature_table, metadata
from features.table.builds import FEATURE_STORE
from features.table.row_hash import row_hashes

VERSIONING = ("row_hash", "from_build", "to_build", "settled_build")
"""The columns that say which builds a row belongs to; all others are its payload."""

UNSETTLED = {"state": "scheduled"} | dict.fromkeys(FEATURE_ROW_LABELS)
"""What a row of the feature table says of its game before it is played. What happened is added in place."""


@dataclass(frozen=True)
class Changes:
    """What one writing did to a table, in rows."""

    inserted: int
    closed: int
    unchanged: int
    settled: int = 0

    def __add__(self, other: Changes) -> Changes:
        return Changes(
            self.inserted + other.inserted,
            self.closed + other.closed,
            self.unchanged + other.unchanged,
            self.settled + other.settled,
        )


@cache
def builder_table(builder: str, feature_set: FeatureSet) -> sa.Table:
    """The table of a builder's rows; ml_feature_store has one for each feature set."""
    return feature_table(feature_set) if builder == FEATURE_STORE else metadata.tables[builder]


def payload_columns(table: sa.Table) -> list[str]:
    """The columns of a versioned table that hold what a row says, in order."""
    return [column.name for column in table.columns if column.name not in VERSIONING]


def key_columns(table: sa.Table) -> list[str]:
    """The columns that name a row of a versioned table within one build."""
    unique = next(item for item in table.constraints if isinstance(item, sa.UniqueConstraint))
    return [column.name for column in unique.columns if column.name not in VERSIONING]


def as_of(table: sa.Table, build_id: int) -> sa.ColumnElement[bool]:
    """The rows of a versioned table that belong to `build_id`."""
    return sa.and_(table.c.from_build <= build_id, sa.or_(table.c.to_build.is_(None), table.c.to_build > build_id))


def columns_as_of(table: sa.Table, names: Iterable[str], build_id: int) -> list[sa.ColumnElement[Any]]:
    """Columns of a versioned table as `build_id` saw them: of what happened only what it had learned."""
    if "settled_build" not in table.c:
        return [table.c[name] for name in names]
    is_later = table.c.settled_build > build_id
    return [
        sa.case((is_later, sa.literal(UNSETTLED[name], table.c[name].type)), else_=table.c[name]).label(name)
        if name in UNSETTLED
        else table.c[name]
        for name in names
    ]


def store(
    connection: sa.Connection,
    table: sa.Table,
    frame: pl.DataFrame,
    key: Sequence[str],
    dates: Collection[date],
    build_id: int,
) -> Changes:
    """Make `frame` what the current build says of `dates`: insert what is new or changed, close what it replaces.

    `frame` is as `hashed` makes it and has no two rows of one key; `dates` are those whose rows it holds, so that a
    current row of them that is not in it is closed. A row that moved here from another date is closed there. A
    scheduled row whose game was played since and that is otherwise equal stays and is told what happened.

    Raises TipoffError where afterwards the current rows of `dates` are not as many as the frame's.
    """
    current = _current_rows(connection, table, key, frame, dates)
    same = ["row_hash", "game_date", *key]
    changed = frame.join(current, on=same, how="anti") if current.height else frame
    replaced = current.join(frame, on=same, how="anti")
    settled = _settled(table, key, changed, replaced)
    if settled.height:
        changed, replaced = (rows.join(settled, on=list(key), how="anti") for rows in (changed, replaced))
    _settle(connection, table, key, settled, build_id)
    _close(connection, table, key, replaced, build_id)
    insert_frame(connection, table, changed.with_columns(pl.lit(build_id, pl.Int64).alias("from_build")))
    _check_count(connection, table, dates, frame.height)
    n_unchanged = frame.height - changed.height - settled.height
    return Changes(changed.height, replaced.height, n_unchanged, settled.height)


def close_dates(connection: sa.Connection, table: sa.Table, dates: Collection[date], build_id: int) -> int:
    """Close every current row of `dates`; returns how many."""
    closing = sa.update(table).where(table.c.to_build.is_(None), table.c.game_date.in_(dates))
    return int(connection.execute(closing.values(to_build=build_id)).rowcount)


def hashed(table: sa.Table, frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with exactly the payload columns of `table`, in its order and of its kinds, and row_hash.

    Raises ValueError naming the columns that are missing or too many.
    """
    wanted = payload_columns(table)
    if set(wanted) != set(frame.columns):
        missing, extra = sorted(set(wanted) - set(frame.columns)), sorted(set(frame.columns) - set(wanted))
        raise ValueError(f"{table.name}: columns missing: {missing}, columns it does not have: {extra}")
    typed = frame.select(pl.col(name).cast(_kind(table.c[name])) for name in wanted)
    return typed.with_columns(row_hashes(typed))


def _current_rows(
    connection: sa.Connection, table: sa.Table, key: Sequence[str], frame: pl.DataFrame, dates: Collection[date]
) -> pl.DataFrame:
    """Key, game_date and row_hash of the current rows of `dates`, or of a key that `frame` has."""
    game_ids = frame["game_id"].unique().to_list()
    columns = [table.c[name] for name in (*key, "game_date", "row_hash")]
    concerned = sa.or_(table.c.game_date.in_(dates), table.c.game_id.in_(game_ids))
    current = read_frame(connection, sa.select(*columns).where(table.c.to_build.is_(None), concerned))
    is_of_dates = pl.col("game_date").is_in(list(dates))
    moved = current.filter(~is_of_dates).join(frame, on=list(key), how="semi")
    return pl.concat([current.filter(is_of_dates), moved])


def _settled(table: sa.Table, key: Sequence[str], changed: pl.DataFrame, replaced: pl.DataFrame) -> pl.DataFrame:
    """Those of `changed` that would be the row they replace if their game were still to be played."""
    if "settled_build" not in table.c or replaced.is_empty() or changed.is_empty():
        return changed.clear()
    before = [pl.lit(value, changed.schema[name]).alias(name) for name, value in UNSETTLED.items()]
    unsettled = changed.with_columns(before).select(payload_columns(table))
    was = changed.select("game_date", *key).with_columns(row_hashes(unsettled))
    is_same = was.join(replaced, on=["row_hash", "game_date", *key], how="semi")
    return changed.join(is_same, on=list(key), how="semi")


def _settle(connection: sa.Connection, table: sa.Table, key: Sequence[str], rows: pl.DataFrame, build_id: int) -> None:
    """Write what happened, and the hash of the row with it, into the scheduled rows of the keys of `rows`."""
    if rows.is_empty():
        return
    learned = ("row_hash", *UNSETTLED)
    settling = _update_current(table, key).values(
        settled_build=build_id, **{name: sa.bindparam(f"new_{name}") for name in learned}
    )
    keys = [pl.col(name).alias(f"key_{name}") for name in key]
    values = [pl.col(name).alias(f"new_{name}") for name in learned]
    connection.execute(settling, rows.select(*keys, *values).to_dicts())


def _close(connection: sa.Connection, table: sa.Table, key: Sequence[str], rows: pl.DataFrame, build_id: int) -> None:
    if rows.is_empty():
        return
    keys = rows.select(pl.col(name).alias(f"key_{name}") for name in key).to_dicts()
    connection.execute(_update_current(table, key).values(to_build=build_id), keys)


def _update_current(table: sa.Table, key: Sequence[str]) -> sa.Update:
    """An UPDATE of the current row of the key bound as key_NAME."""
    of_key = (table.c[name] == sa.bindparam(f"key_{name}") for name in key)
    return sa.update(table).where(table.c.to_build.is_(None), *of_key)


def _check_count(connection: sa.Connection, table: sa.Table, dates: Collection[date], n_computed: int) -> None:
    """Rows written against rows computed."""
    counting = sa.select(sa.func.count()).select_from(table)
    n_rows = connection.execute(counting.where(table.c.to_build.is_(None), table.c.game_date.in_(dates))).scalar_one()
    if n_rows != n_computed:
        raise TipoffError(
            f"{table.name}: {n_computed} rows were computed for {len(dates)} dates, {n_rows} stand in the table.",
            remedy="Run `tipoff features backfill --rebuild`.",
        )


def _kind(column: sa.Column[Any]) -> pl.DataType | type[pl.DataType]:
    kinds: list[tuple[type[sa.types.TypeEngine[Any]], type[pl.DataType]]] = [
        (sa.Boolean, pl.Boolean),
        (sa.Integer, pl.Int64),
        (sa.Float, pl.Float64),
        (sa.Date, pl.Date),
        (sa.Text, pl.String),
    ]
    return next(mapped for sql, mapped in kinds if isinstance(column.type, sql))
