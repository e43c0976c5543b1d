"""What two builds of the feature table say differently, cell by cell, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts.database import read_frame
from contracts.errors import UsageError
from contracts.feature_set import FeatureSet
from contracts.tables import builds
from features.feature_sets import load_feature_set
from features.table.builds import FEATURE_STORE, Build, get_build
from features.table.causes import Cause, History, Reasons
from features.table.versioned_rows import as_of, builder_table, columns_as_of, payload_columns

KEY = ["game_id", "player_id"]
MAX_RAW_CHANGES = 50


@dataclass(frozen=True)
class BuildDiff:
    """What changed from build `a` to build `b`.

    changed_rows, changed_cells: of the rows in both; only_in_a, only_in_b: rows. columns: changed cells by column.
    causes: rows (changed or in one build only) by cause, a row with two counts twice. raw: the kinds and dates of
    facts that changed, with the rows that may know them; new_kinds: kinds of source that only one of the builds had.
    cells: game_id, player_id, game_date, column, a, b, causes of the first changed cells by date; rows: game_id,
    player_id, game_date, in ('a' or 'b'), causes of the first rows in one build only. compared: the columns that both
    builds have.
    """

    a: Build
    b: Build
    compared: list[str]
    changed_rows: int
    changed_cells: int
    only_in_a: int
    only_in_b: int
    columns: dict[str, int]
    causes: dict[str, int]
    raw: list[dict[str, Any]]
    new_kinds: list[str]
    cells: list[dict[str, Any]]
    rows: list[dict[str, Any]]


def diff(engine: sa.Engine, a: int, b: int, *, feature_set: FeatureSet | None = None, limit: int = 100) -> BuildDiff:
    """The cells that are not the same in builds `a` and `b`, and why; `limit` cells and rows are given one by one.

    Builds of two feature sets are compared in the columns that both have. With `feature_set` both must be of it.

    Raises UsageError where a build is not there, never got done, was pruned or is of another set than asked for.
    """
    sets = [feature_set or _set_of(engine, build_id) for build_id in (a, b)]
    made = [get_build(engine, each, build_id) for each, build_id in zip(sets, (a, b), strict=True)]
    tables = [builder_table(FEATURE_STORE, each) for each in sets]
    compared = [name for name in payload_columns(tables[0]) if name in tables[1].c]
    with engine.connect() as connection:
        old, new = _differing_rows(connection, tables, (a, b), compared)
        both = new.join(old, on=KEY, how="inner", suffix="_a")
        cells = _changed_cells(both, [name for name in compared if name not in KEY])
        rows = pl.concat([_only_in("a", old, new), _only_in("b", new, old)]).sort("game_date", *KEY)
        history = History(connection)
        known = {each.name: each for each in sets}
        days = sorted({*cells["game_date"].to_list(), *rows["game_date"].to_list()})
        reasons = {day: history.reasons(day, a, b, known) for day in days}
    touched = pl.concat([cells.select("game_date", *KEY).unique(), rows.select("game_date", *KEY)])
    return BuildDiff(
        a=made[0],
        b=made[1],
        compared=compared,
        changed_rows=cells.select(KEY).n_unique(),
        changed_cells=cells.height,
        only_in_a=rows.filter(pl.col("in") == "a").height,
        only_in_b=rows.filter(pl.col("in") == "b").height,
        columns=dict(cells.group_by("column").len().sort("len", "column", descending=[True, False]).iter_rows()),
        causes=_count_causes(touched, reasons),
        raw=_count_raw(touched, reasons),
        new_kinds=sorted({kind for each in reasons.values() for kind in each.new_kinds}),
        cells=[_explained(row, reasons) for row in _with_values(cells.head(limit), both)],
        rows=[_explained(row, reasons) for row in rows.head(limit).iter_rows(named=True)],
    )


def _set_of(engine: sa.Engine, build_id: int) -> FeatureSet:
    with engine.connect() as connection:
        name = connection.execute(sa.select(builds.c.feature_set).where(builds.c.build_id == build_id)).scalar()
    if name is None:
        raise UsageError(
            f"There is no build {build_id}.", remedy="`tipoff features backfill` and `features export` name builds."
        )
    return load_feature_set(name)


def _differing_rows(
    connection: sa.Connection, tables: list[sa.Table], build_ids: tuple[int, int], columns: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of each build that may differ from the other's: of one table those that do not belong to both."""
    frames = []
    for table, build_id, other in zip(tables, build_ids, reversed(build_ids), strict=True):
        query = sa.select(*columns_as_of(table, columns, build_id)).where(as_of(table, build_id))
        if tables[0] is tables[1]:
            was_told_between = table.c.settled_build > min(build_ids)
            query = query.where(sa.or_(sa.not_(as_of(table, other)), was_told_between))
        frames.append(read_frame(connection, query))
    return frames[0], frames[1]


def _changed_cells(both: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """game_date (in b), key and column of each cell that differs, by date, game, player and column."""
    parts = [
        both.filter(pl.col(name).ne_missing(pl.col(f"{name}_a"))).select(
            "game_date", *KEY, pl.lit(name).alias("column")
        )
        for name in columns
    ]
    return pl.concat(parts).sort("game_date", *KEY, maintain_order=True)


def _with_values(cells: pl.DataFrame, both: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """The cells with their values in a and b."""
    rows = both.join(cells, on=KEY, how="semi").iter_rows(named=True)
    values = {(row["game_id"], row["player_id"]): row for row in rows}
    for cell in cells.iter_rows(named=True):
        row = values[cell["game_id"], cell["player_id"]]
        yield cell | {"a": row[f"{cell['column']}_a"], "b": row[cell["column"]]}


def _only_in(side: str, rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return rows.join(others, on=KEY, how="anti").select("game_date", *KEY, pl.lit(side).alias("in"))


def _count_causes(touched: pl.DataFrame, reasons: dict[Any, Reasons]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for day, n_rows in touched.group_by("game_date").len().iter_rows():
        counts.update({cause.value: n_rows for cause in reasons[day].causes})
    return {cause.value: counts[cause.value] for cause in Cause if counts[cause.value]}


def _count_raw(touched: pl.DataFrame, reasons: dict[Any, Reasons]) -> list[dict[str, Any]]:
    """The first changed facts by date: kind, game_date and how many of the rows may know them."""
    counts: Counter[tuple[Any, str]] = Counter()
    for day, n_rows in touched.group_by("game_date").len().iter_rows():
        counts.update({(change.game_date, change.kind): n_rows for change in reasons[day].raw})
    first = sorted(counts.items())[:MAX_RAW_CHANGES]
    return [{"kind": kind, "game_date": day, "rows": n_rows} for (day, kind), n_rows in first]


def _explained(row: dict[str, Any], reasons: dict[Any, Reasons]) -> dict[str, Any]:
    return row | {"causes": [cause.value for cause in reasons[row["game_date"]].causes]}
