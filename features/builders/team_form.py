"""What player_daily_cache knows of a team before a game: pace, rating, wins and rest."""

from __future__ import annotations

import polars as pl

from features.builders.columns import keep_where
from features.builders.windows import Past, ratio

WINDOW = 10
MIN_GAMES = 3
MIN_GAMES_WIN_PCT = 5


def team_form(schedule: pl.DataFrame, team_games: pl.DataFrame) -> pl.DataFrame:
    """One row a team and game of `schedule`: game_id, team_id and what its `team_games` before the date tell.

    team_pace_last_10 and team_off_rating_last_10 (NULL under 3 games), team_win_pct (NULL under 5), team_rest_days
    (days between; NULL before the season's first game), back_to_back (1: it played the day before),
    n_team_games_last_10, n_team_games_season, team_date (its latest game used).
    """
    season = Past(team_games, schedule, ["team_id", "season"])
    window, whole = season.last(WINDOW), season.whole()
    enough = window.n_games >= MIN_GAMES
    yesterday = Past(team_games, schedule, ["team_id"]).days(1)
    rating = 100 * ratio(100.0 * window.sum("points"), window.sum("possessions_x100"))
    return schedule.select("game_id", "team_id").with_columns(
        keep_where(enough, window.mean("pace")).alias("team_pace_last_10"),
        keep_where(enough, rating).alias("team_off_rating_last_10"),
        keep_where(whole.n_games >= MIN_GAMES_WIN_PCT, whole.mean("won")).alias("team_win_pct"),
        rest_days(schedule["game_date"], season.latest("game_date")).alias("team_rest_days"),
        yesterday.n_games.clip(0, 1).cast(pl.Float64).alias("back_to_back"),
        window.n_games.cast(pl.Float64).alias("n_team_games_last_10"),
        whole.n_games.cast(pl.Float64).alias("n_team_games_season"),
        pl.select(pl.max_horizontal(whole.max_source_date, yesterday.max_source_date)).to_series().alias("team_date"),
    )


def rest_days(game_dates: pl.Series, previous: pl.Series) -> pl.Series:
    """Days between the previous game and this one: 0 is back-to-back, NULL is no previous game."""
    return ((game_dates - previous).dt.total_days() - 1).cast(pl.Float64)
