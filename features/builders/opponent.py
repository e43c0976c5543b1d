"""What the opponent is known for before the game: wins, points and threes allowed."""

from __future__ import annotations

import polars as pl

from features.builders.columns import keep_where
from features.builders.results import Results
from features.builders.windows import Past

WINDOW = 15
MIN_GAMES = 3
MIN_GAMES_WIN_PCT = 5


def opponent_form(rows: pl.DataFrame, results: Results) -> list[pl.Series]:
    """The features of this theme, by name; NULL where the opponent has too few games of the season behind it."""
    opponents = rows.select("game_date", "season", pl.col("opponent_id").alias("team_id"))
    season = Past(results.team_games, opponents, ["team_id", "season"])
    window, whole = season.last(WINDOW), season.whole()
    enough = window.n_games >= MIN_GAMES
    return [
        keep_where(whole.n_games >= MIN_GAMES_WIN_PCT, whole.mean("won")).alias("opponent_win_pct"),
        keep_where(enough, window.mean("opponent_points")).alias("opponent_points_allowed_last_15"),
        keep_where(enough, window.mean("opponent_box_three_attempts")).alias("opponent_threes_allowed_last_15"),
    ]
