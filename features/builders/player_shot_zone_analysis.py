"""Builder: where a player shoots from, and how well, over his last 10 and 20 games."""

from __future__ import annotations

import polars as pl

from features.builders.columns import keep_where, player_rows
from features.builders.results import ZONES, Results
from features.builders.windows import Past, Window, ratio

WINDOWS = (10, 20)
WITHIN_DAYS = 365
FREE_THROW_MIN_GAMES = 5

PRIMARY_OF_SHOTS = (("paint", 0.40), ("mid_range", 0.35), ("three", 0.40))
"""Zones in the order in which they are tried, with the share (last 10) that makes one a player's primary zone."""


def build(rows: pl.DataFrame, results: Results, *, has_shot_zones: bool) -> pl.DataFrame:
    """One row a row of the slate: columns of contracts.tables.player_shot_zone_analysis.

    Shares and percentages are 0-1, NULL without attempts. Zones of the shot data stand on the games that have such
    data and are NULL without that source; `zones` says which basis the primary zone has: 'shots' or 'box'.
    """
    past = Past(results.active_games, rows, ["player_id"])
    windows = {n: past.last(n, within_days=WITHIN_DAYS) for n in WINDOWS}
    built = player_rows(rows)
    for n, window in windows.items():
        built = built.with_columns(
            series for zone in ZONES for series in _zone(zone, n, window, has_shot_zones=has_shot_zones)
        ).with_columns(window.n_games.cast(pl.Float64).alias(f"n_games_last_{n}"))
    return built.with_columns(
        pl.col("paint_share_last_10").alias("pct_paint"),
        pl.col("mid_range_share_last_10").alias("pct_mid_range"),
        pl.col("box_three_share_last_10").alias("pct_three"),
        _free_throw_share(windows[10]),
        _primary_zone(has_shot_zones=has_shot_zones),
        pl.lit("shots" if has_shot_zones else "box").alias("zones"),
        windows[20].max_source_date.alias("max_source_date"),
    )


def _zone(zone: str, n: int, window: Window, *, has_shot_zones: bool) -> list[pl.Series]:
    needs_shots = zone in dict(PRIMARY_OF_SHOTS)
    attempts, made = window.sum(f"{zone}_attempts"), window.sum(f"{zone}_made")
    share = ratio(attempts, window.sum("fga_with_zones" if needs_shots else "fga"))
    there = pl.repeat(has_shot_zones or not needs_shots, len(share), eager=True)
    return [
        keep_where(there, share).alias(f"{zone}_share_last_{n}"),
        keep_where(there, ratio(made, attempts)).alias(f"{zone}_pct_last_{n}"),
    ]


def _free_throw_share(window: Window) -> pl.Series:
    share = ratio(window.sum("ftm"), window.sum("points"))
    return keep_where(window.n_games >= FREE_THROW_MIN_GAMES, share).alias("pct_free_throw")


def _primary_zone(*, has_shot_zones: bool) -> pl.Expr:
    if has_shot_zones:
        zone: pl.Expr = pl.when(pl.col("paint_share_last_10").is_not_null()).then(pl.lit("balanced"))
        for name, least in reversed(PRIMARY_OF_SHOTS):
            found = pl.col(f"{name}_share_last_10").round(9) >= least
            zone = pl.when(found).then(pl.lit(name)).otherwise(zone)
    else:
        three = pl.col("box_three_share_last_10")
        zone = (
            pl.when(three.round(9) >= 0.40)
            .then(pl.lit("three"))
            .otherwise(pl.when(three.is_not_null()).then(pl.lit("two_point")))
        )
    return zone.alias("primary_zone")
