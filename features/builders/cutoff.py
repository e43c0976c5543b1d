"""The cut-off: what was captured late is not known, however true it is."""

from __future__ import annotations

import polars as pl

from contracts.clock import LEAGUE_ZONE


def cut_off(tip_off_at: pl.Expr, line_cutoff_minutes: int) -> pl.Expr:
    """The last moment whose captures a row may know (UTC); NULL without a tip-off."""
    return tip_off_at - pl.duration(minutes=line_cutoff_minutes)


def start_of_day(game_date: pl.Expr) -> pl.Expr:
    """The last moment before the league's day `game_date` (UTC)."""
    midnight = game_date.cast(pl.Datetime("us")).dt.replace_time_zone(LEAGUE_ZONE.key)
    return midnight.dt.convert_time_zone("UTC") - pl.duration(microseconds=1)


def latest_captured(events: pl.DataFrame, rows: pl.DataFrame, value: str) -> pl.Series:
    """For each row the largest `value` among its player's events captured by its cut-off; NULL: none.

    `events` has player_id, captured_at and `value`; `rows` has player_id and cut_off_at (never NULL).
    """
    known = (
        events.sort("captured_at")
        .with_columns(pl.col(value).cum_max().over("player_id"))
        .select("player_id", "captured_at", value)
    )
    asked = rows.select("player_id", "cut_off_at").with_row_index("row").sort("cut_off_at")
    found = asked.join_asof(
        known, left_on="cut_off_at", right_on="captured_at", by="player_id", strategy="backward", check_sortedness=False
    )
    return found.sort("row")[value]
