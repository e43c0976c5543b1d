"""How much of his team's season a player was there for, and how much he has played of late."""

from __future__ import annotations

import polars as pl

from features.builders.columns import keep_where
from features.builders.results import Results
from features.builders.windows import Past, ratio

TEAM_GAMES = 10


def attendance(rows: pl.DataFrame, results: Results, games: Past) -> list[pl.Series]:
    """The features of this theme, by name.

    `games` are each row's player's active games, over all seasons.
    """
    team = Past(results.team_games, rows, ["team_id", "season"])
    of_team = Past(results.active_games, rows, ["player_id", "team_id", "season"])
    window = team.last(TEAM_GAMES)
    own = of_team.since(window.earliest("game_date"))
    since_his_latest = team.since(of_team.latest("game_date")).n_games - 1
    return [
        ratio(own.sum("minutes"), window.n_games).alias("minutes_per_team_game_last_10"),
        keep_where(window.n_games > 0, window.n_games - own.n_games).alias("team_games_missed_last_10"),
        keep_where(of_team.whole().n_games > 0, since_his_latest).alias("team_games_missed_in_a_row"),
        of_team.whole().n_games.cast(pl.Float64).alias("games_with_team_this_season"),
        games.days(14).n_games.cast(pl.Float64).alias("games_in_last_14_days"),
    ]
