"""Form in which a game counts for less the longer ago it was: points, minutes, attempts and rates."""

from __future__ import annotations

import polars as pl

from features.builders.windows import Past, ratio

_MEANS = {
    "points": (2, 5, 10, 20),
    "minutes": (2, 5, 20),
    "fga": (5, 15),
    "fta": (15,),
    "fg3a": (15,),
    "assists": (15,),
    "rebounds": (15,),
}
"""Column -> the half-lives, in games, of its decayed means."""


def decayed_form(games: Past) -> list[pl.Series]:
    """The features of this theme, by name; NULL without a game, a rate also without what it is a rate of.

    `games` are each row's player's active games, over all seasons.
    """
    return [
        *(
            games.decayed_mean(column, half_life).alias(f"{column}_decayed_{half_life}")
            for column, half_lives in _MEANS.items()
            for half_life in half_lives
        ),
        *(decayed_rate(games, "points", "minutes", h).alias(f"ppm_decayed_{h}") for h in (15, 40)),
        *(_plays_per_minute(games, h).alias(f"plays_per_minute_decayed_{h}") for h in (5, 40)),
        (100.0 * decayed_rate(games, "points", "attempts_x100", 40)).alias("points_per_play_decayed_40"),
        decayed_rate(games, "fg3m", "fg3a", 40).alias("fg3_pct_decayed_40"),
        decayed_rate(games, "ftm", "fta", 40).alias("ft_pct_decayed_40"),
        _usage(games, 10).alias("usage_decayed_10"),
    ]


def decayed_rate(games: Past, above: str, below: str, half_life: float) -> pl.Series:
    """The decayed mean of one column over that of another; NULL where the latter is 0 or there is no game."""
    return ratio(games.decayed_mean(above, half_life), games.decayed_mean(below, half_life))


def _plays_per_minute(games: Past, half_life: float) -> pl.Series:
    return decayed_rate(games, "attempts_x100", "minutes", half_life) / 100.0


def _usage(games: Past, half_life: float) -> pl.Series:
    """The share of his team's plays that he used while on the floor, each term a decayed mean."""
    plays, minutes, team_plays, team_minutes = (
        games.decayed_mean(name, half_life)
        for name in ("attempts_x100", "minutes", "team_attempts_x100", "team_minutes")
    )
    return ratio(plays * team_minutes, 5.0 * (minutes * team_plays))
