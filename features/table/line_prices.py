"""What the books' prices say of the line that stands in a row, as known at the cut-off, and where the line closed."""

from __future__ import annotations

from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts import tables
from contracts.database import read_frame
from contracts.odds import over_probability
from contracts.settings import Settings
from features.builders.cutoff import cut_off
from features.builders.points_lines import lines_at_cut_off

KEY = ["game_id", "player_id"]


def read_line_probabilities(engine: sa.Engine, settings: Settings, rows: pl.DataFrame) -> pl.Series:
    """`line_over_probability` (0-1, margin taken out) for the rows of the feature table in `rows`; NULL: no price.

    `rows` has game_id, player_id and line. The cut-off is that of the feature table, features.line_cutoff_minutes.
    """
    with engine.connect() as connection:
        snapshots, games = read_snapshots(connection)
    return line_probabilities(snapshots, games, rows, settings.features.line_cutoff_minutes)


def read_snapshots(
    connection: sa.Connection, game_ids: sa.Select[Any] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every snapshot of the books, and the games with their tip-off; of the games that `game_ids` selects, if given."""
    lines, games = sa.select(tables.points_lines), sa.select(tables.games.c.game_id, tables.games.c.tip_off_at)
    if game_ids is not None:
        lines = lines.where(tables.points_lines.c.game_id.in_(game_ids))
        games = games.where(tables.games.c.game_id.in_(game_ids))
    return read_frame(connection, lines), read_frame(connection, games)


def line_probabilities(
    points_lines: pl.DataFrame, games: pl.DataFrame, rows: pl.DataFrame, line_cutoff_minutes: int
) -> pl.Series:
    """The mean over books of what their prices say, counting each book's latest snapshot at or before the cut-off,
    where that is a snapshot of the row's very line and has both prices.

    A row's line is a median over books: one that no book offers has no price.
    """
    latest = _latest(points_lines, games, rows, line_cutoff_minutes)
    prices = [latest[name].cast(pl.Float64).to_numpy() for name in ("over_price", "under_price")]
    stated = latest.with_columns(pl.Series("line_over_probability", over_probability(*prices)).fill_nan(None))
    means = stated.sort(*KEY, "line", "book").group_by(*KEY, "line").agg(pl.mean("line_over_probability"))
    return _beside(rows, means)["line_over_probability"]


def line_prices(
    points_lines: pl.DataFrame, games: pl.DataFrame, rows: pl.DataFrame, line_cutoff_minutes: int
) -> pl.DataFrame:
    """over_price and under_price (American) of each row's line: the median over the same snapshots; NULL: none.

    Of an even number of books it is the lower of the two in the middle: a price that a book really had. (Between -105
    and +105 lies no price: their mean is none.) Numbers between -100 and 100 are no prices.
    """
    latest = _latest(points_lines, games, rows, line_cutoff_minutes)
    prices = [pl.col(name).cast(pl.Float64) for name in ("over_price", "under_price")]
    medians = [price.filter(price.abs() >= 100).quantile(0.5, "lower") for price in prices]
    return _beside(rows, latest.group_by(*KEY, "line").agg(medians)).select("over_price", "under_price")


def closing_lines(points_lines: pl.DataFrame, games: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
    """`closing_line` of each row's player-game: the median over books of their last snapshot by tip-off."""
    return lines_at_cut_off(points_lines, games, rows, 0)["vegas_points_line"].alias("closing_line")


def _latest(
    points_lines: pl.DataFrame, games: pl.DataFrame, rows: pl.DataFrame, line_cutoff_minutes: int
) -> pl.DataFrame:
    """Each book's latest snapshot at or before the cut-off, where it is of the very line of a row in `rows`."""
    wanted = rows.filter(pl.col("line").is_not_null()).select(*KEY, "line").unique()
    tip_off = pl.coalesce("game_tip_off_at", "tip_off_at")
    known = (
        points_lines.join(wanted, on=KEY, how="semi")
        .join(games.select("game_id", game_tip_off_at="tip_off_at"), on="game_id", how="left")
        .filter(pl.col("captured_at") <= cut_off(tip_off, line_cutoff_minutes))
    )
    latest = known.filter(pl.col("captured_at") == pl.col("captured_at").max().over(*KEY, "book"))
    return latest.join(wanted, on=[*KEY, "line"], how="semi")


def _beside(rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """`found`, one row a player-game and line, beside `rows` in their order; NULL where there is none."""
    return rows.select(*KEY, "line").join(found, on=[*KEY, "line"], how="left", maintain_order="left")
