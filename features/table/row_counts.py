"""Rows against the record: a unit whose current rows are not as many as it wrote has lost some, or been given some."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl
import sqlalchemy as sa

from contracts.database import read_frame
from contracts.feature_set import FeatureSet
from features.builders.compute import BUILDERS
from features.table.versioned_rows import builder_table


@dataclass(frozen=True)
class Miscount:
    """A unit of which `n_written` rows were written and `n_standing` stand."""

    builder: str
    game_date: date
    n_written: int
    n_standing: int

    def __str__(self) -> str:
        return f"{self.builder} of {self.game_date}: {self.n_written} rows were written, {self.n_standing} stand"


def find_miscounts(
    connection: sa.Connection, feature_set: FeatureSet, games: pl.DataFrame, units: pl.DataFrame
) -> list[Miscount]:
    """The `units` whose current rows are not as many as their n_rows, by builder and date.

    `units` has builder, game_date and n_rows, `games` game_id and game_date. Rows are counted by game, in the index
    of the current ones, and belong to the date on which their game is now: a moved game makes its dates stale anyway.
    """
    inspector = sa.inspect(connection)
    miscounts = []
    for builder in BUILDERS:
        table = builder_table(builder, feature_set)
        there = _by_game(connection, table) if inspector.has_table(table.name) else _NO_ROWS
        standing = there.join(games, on="game_id").group_by("game_date").agg(pl.col("n").sum())
        of_builder = units.filter(pl.col("builder") == builder).join(standing, on="game_date", how="left")
        differing = of_builder.with_columns(pl.col("n").fill_null(0)).filter(pl.col("n") != pl.col("n_rows"))
        miscounts += [
            Miscount(*row) for row in differing.sort("game_date").select("builder", "game_date", "n_rows", "n").rows()
        ]
    return miscounts


_NO_ROWS = pl.DataFrame(schema={"game_id": pl.String, "n": pl.Int64})


def _by_game(connection: sa.Connection, table: sa.Table) -> pl.DataFrame:
    counting = sa.select(table.c.game_id, sa.func.count().label("n")).where(table.c.to_build.is_(None))
    return read_frame(connection, counting.group_by(table.c.game_id))
