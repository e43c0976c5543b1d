"""Form of another kind than points: a player's rebounds, for sets that a model of rebounds learns from."""

from __future__ import annotations

import polars as pl

from features.builders.results import Results
from features.builders.windows import Past

WITHIN_DAYS = 365


def rebound_form(rows: pl.DataFrame, results: Results, games: Past) -> list[pl.Series]:
    """The features of this theme, by name; NULL where there is no game.

    `games` are each row's player's active games, over all seasons.
    """
    season = Past(results.active_games, rows, ["player_id", "season"]).whole()
    return [
        *(games.last(n, within_days=WITHIN_DAYS).mean("rebounds").alias(f"rebounds_avg_last_{n}") for n in (5, 10)),
        season.mean("rebounds").alias("rebounds_avg_season"),
        *(games.decayed_mean("rebounds", half_life).alias(f"rebounds_decayed_{half_life}") for half_life in (5, 20)),
    ]
