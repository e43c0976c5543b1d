"""A player's latest games one by one: the middle, the width and the ends of what he does."""

from __future__ import annotations

import polars as pl

from features.builders.windows import Past

WITHIN_DAYS = 365


def recent_games(games: Past) -> list[pl.Series]:
    """The features of this theme, by name; NULL where there are too few games.

    `games` are each row's player's active games, over all seasons.
    """
    last_10, last_20 = (games.last(n, within_days=WITHIN_DAYS) for n in (10, 20))
    latest = games.last(2)
    return [
        last_20.median("points").alias("points_median_last_20"),
        last_20.sample_std("points", "points_squared").alias("points_std_last_20"),
        last_10.sample_std("minutes", "minutes_squared").alias("minutes_std_last_10"),
        last_10.largest("minutes").alias("minutes_max_last_10"),
        last_10.smallest("minutes").alias("minutes_min_last_10"),
        latest.values("points", 0).cast(pl.Float64).alias("points_last_game"),
        latest.values("minutes", 0).cast(pl.Float64).alias("minutes_last_game"),
        latest.values("minutes", 1).cast(pl.Float64).alias("minutes_second_last_game"),
    ]
