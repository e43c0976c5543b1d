"""Which population each player-game is of, told from box scores and lines alone, by the feature table's rules."""

from __future__ import annotations

import polars as pl

POPULATIONS = ("played", "rotation", "early", "lined")

_CUT_OFF = pl.duration(minutes=60)
_KEY = ("GAME_ID", "PLAYER_ID")


def tell_populations(logs: pl.DataFrame, lines: pl.DataFrame | None = None) -> pl.DataFrame:
    """The active rows of `logs` (LeagueGameLog's layout) with what was known of the player before each.

    Added: one Boolean a population; `average`, the mean points of the season's active games before; `n`, how many
    those are; `days_since_last` appearance of the season; `line` (NULL: none), the median over books of each book's
    last line captured an hour or more before tip-off, where `lines` (the layout of points-lines) are given.
    """
    season = pl.col("SEASON_ID") % 10_000
    mine, this_season = pl.col("PLAYER_ID"), (pl.col("PLAYER_ID"), season)
    dates = pl.col("GAME_DATE").str.to_date()
    active = logs.filter(pl.col("MIN") > 0).sort("GAME_DATE", "GAME_ID", "PLAYER_ID")
    rows = active.with_columns(
        pl.int_range(pl.len()).over(this_season).alias("n"),
        (pl.col("PTS").cum_sum() - pl.col("PTS")).over(this_season).alias("before"),
        pl.col("MIN").shift(1).rolling_mean(10, min_samples=1).over(mine).alias("minutes_last_10"),
        dates.diff().dt.total_days().over(this_season).alias("days_since_last"),
    )
    if lines is not None:
        rows = rows.join(_lines_at_cut_off(lines), on=list(_KEY), how="left", maintain_order="left")
    known = pl.col("line").is_not_null() if lines is not None else pl.lit(False)
    played = pl.col("n") >= 5
    return rows.with_columns(
        (pl.col("before") / pl.col("n")).alias("average"),
        played.alias("played"),
        (played & (pl.col("minutes_last_10").round(9) >= 15)).alias("rotation"),
        (~played).alias("early"),
        (played & known).alias("lined"),
    ).drop("before")


def _lines_at_cut_off(lines: pl.DataFrame) -> pl.DataFrame:
    known = lines.filter(pl.col("captured_at") <= pl.col("tip_off_at") - _CUT_OFF).sort("captured_at")
    latest = known.group_by("game_id", "player_id", "book").agg(pl.last("line"))
    medians = latest.group_by("game_id", "player_id").agg(pl.median("line"))
    return medians.rename(dict(zip(("game_id", "player_id"), _KEY, strict=True)))
