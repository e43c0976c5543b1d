"""What the books' prices say of going over the line that stands in the feature table, as known at the cut-off."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa

from contracts import tables
from contracts.database import read_frame
from contracts.odds import over_probability
from contracts.settings import Settings
from features.builders.cutoff import cut_off

KEY = ["game_id", "player_id"]


def read_line_probabilities(engine: sa.Engine, settings: Settings, rows: pl.DataFrame) -> pl.Series:
    """`line_over_probability` (0-1, margin taken out) for the rows of the feature table in `rows`; NULL: no price.

    `rows` has game_id, player_id and line. The cut-off is that of the feature table, features.line_cutoff_minutes.
    """
    with engine.connect() as connection:
        snapshots = read_frame(connection, sa.select(tables.points_lines))
        games = read_frame(connection, sa.select(tables.games.c.game_id, tables.games.c.tip_off_at))
    return line_probabilities(snapshots, games, rows, settings.features.line_cutoff_minutes)


def line_probabilities(
    points_lines: pl.DataFrame, games: pl.DataFrame, rows: pl.DataFrame, line_cutoff_minutes: int
) -> pl.Series:
    """The mean over books of what their prices say, counting each book's latest snapshot at or before the cut-off,
    where that is a snapshot of the row's very line and has both prices.

    A row's line is a median over books: one that no book offers has no price.
    """
    tip_off = pl.coalesce("game_tip_off_at", "tip_off_at")
    known = (
        points_lines.join(rows.filter(pl.col("line").is_not_null()).select(*KEY, wanted="line"), on=KEY)
        .join(games.select("game_id", game_tip_off_at="tip_off_at"), on="game_id", how="left")
        .filter(pl.col("captured_at") <= cut_off(tip_off, line_cutoff_minutes))
    )
    latest = known.filter(
        pl.col("captured_at") == pl.col("captured_at").max().over(*KEY, "book"), pl.col("line") == pl.col("wanted")
    )
    prices = [latest[name].cast(pl.Float64).to_numpy() for name in ("over_price", "under_price")]
    stated = latest.with_columns(pl.Series("line_over_probability", over_probability(*prices)).fill_nan(None))
    means = stated.sort(*KEY, "book").group_by(KEY).agg(pl.mean("line_over_probability"))
    return rows.select(KEY).join(means, on=KEY, how="left", maintain_order="left")["line_over_probability"]
