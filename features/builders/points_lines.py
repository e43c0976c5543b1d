"""What the books said of a player's points, as known at the cut-off."""

from __future__ import annotations

import polars as pl

from features.builders.cutoff import cut_off

_PLAYER_GAME = ("game_id", "player_id")


def lines_at_cut_off(
    points_lines: pl.DataFrame, games: pl.DataFrame, rows: pl.DataFrame, line_cutoff_minutes: int
) -> pl.DataFrame:
    """Each row's vegas_points_line and vegas_opening_line; NULL: none known.

    The first is the median over books of each book's latest snapshot captured at or before tip-off minus the cut-off,
    the second that of each book's first snapshot, where that is in time. Snapshots of one book at one instant count
    as their mean. Tip-off is the game's, else the snapshot's own; without either nothing is known.
    """
    tip_off = pl.coalesce("game_tip_off_at", "tip_off_at")
    in_time = pl.col("captured_at") <= cut_off(tip_off, line_cutoff_minutes)
    snapshots = (
        points_lines.join(rows.select(_PLAYER_GAME), on=_PLAYER_GAME, how="semi")
        .join(games.select("game_id", pl.col("tip_off_at").alias("game_tip_off_at")), on="game_id", how="left")
        .with_columns(in_time.fill_null(value=False).alias("in_time"))
        .group_by(*_PLAYER_GAME, "book", "captured_at")
        .agg(pl.col("line").sort().mean(), pl.col("in_time").all())
    )
    first = pl.col("captured_at") == pl.col("captured_at").min().over(*_PLAYER_GAME, "book")
    known = snapshots.with_columns(first.alias("is_first")).filter("in_time")
    latest = known.filter(pl.col("captured_at") == pl.col("captured_at").max().over(*_PLAYER_GAME, "book"))
    found = rows.select(_PLAYER_GAME)
    for name, chosen in (("vegas_points_line", latest), ("vegas_opening_line", known.filter("is_first"))):
        medians = chosen.group_by(_PLAYER_GAME).agg(pl.col("line").median().alias(name))
        found = found.join(medians, on=_PLAYER_GAME, how="left", maintain_order="left")
    return found.drop(_PLAYER_GAME)
