"""What the builders share: the key columns of a player's row, and values kept under a condition."""

from __future__ import annotations

import polars as pl

PLAYER_ROW = ("game_id", "player_id", "game_date", "team_id")


def player_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The columns that tell which player-game a row is, in the order of `rows`."""
    return rows.select(PLAYER_ROW)


def keep_where(condition: pl.Series, values: pl.Series) -> pl.Series:
    """`values` as fractions where `condition` holds, else NULL."""
    return values.cast(pl.Float64).set(~condition, None)


def latest_of(*dates: pl.Series) -> pl.Series:
    """The latest date of each row, NULLs aside."""
    return pl.select(pl.max_horizontal(dates)).to_series().alias("max_source_date")
