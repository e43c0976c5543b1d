"""The injury list: what was known of a player's health at the cut-off."""

from __future__ import annotations

import polars as pl

from features.builders.cutoff import cut_off, latest_captured, start_of_day
from features.builders.windows import Past

LISTED_OUT = ("out", "doubtful")
"""The statuses that take a player off the slate."""

RISK = {"available": 0.0, "probable": 1.0, "questionable": 2.0, "day_to_day": 2.0, "doubtful": 3.0, "out": 3.0}
"""What each status is as injury_risk; a player not listed is 0."""


def listed_status(injuries: pl.DataFrame, rows: pl.DataFrame, line_cutoff_minutes: int) -> pl.Series:
    """Each row's status by its player's latest entry that was known (`latest_entry`); NULL: not listed."""
    return latest_entry(injuries, rows, line_cutoff_minutes)["status"].alias("listed_status")


def latest_entry(injuries: pl.DataFrame, rows: pl.DataFrame, line_cutoff_minutes: int) -> pl.DataFrame:
    """Each row's `status` and `reported_on` by its player's latest entry that was known; NULL: not listed.

    The latest is the one of the latest reported_on, then the highest entry. An entry stamped with a day only is
    known for games after that day; one with a time of capture, from that moment on, and where the game has no
    tip-off time, for games after the league's day of capture. `rows` has player_id, game_date and tip_off_at.
    """
    ordered = injuries.sort("reported_on", "entry").with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    by_day = ordered.filter(pl.col("captured_at").is_null()).rename({"reported_on": "game_date"})
    by_time = ordered.filter(pl.col("captured_at").is_not_null())
    moment = pl.coalesce(cut_off(pl.col("tip_off_at"), line_cutoff_minutes), start_of_day(pl.col("game_date")))
    places = pl.max_horizontal(
        Past(by_day, rows, ["player_id"]).latest("place"),
        latest_captured(by_time, rows.with_columns(moment.alias("cut_off_at")), "place"),
    )
    place = pl.select(places).to_series()
    return pl.DataFrame([ordered[name].gather(place) for name in ("status", "reported_on")])
