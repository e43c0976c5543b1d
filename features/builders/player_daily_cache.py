"""Builder: a player's form, his team's form and his health, as known before the game."""

from __future__ import annotations

import polars as pl

from features.builders.columns import keep_where, latest_of, player_rows
from features.builders.injury_list import RISK
from features.builders.results import Results
from features.builders.team_form import rest_days
from features.builders.windows import Past, Window, ratio

WITHIN_DAYS = 365
TREND_STEPS = ((5, 2.0), (2, 1.0), (-5, -2.0), (-2, -1.0))
MINUTES_STEPS = ((0.20, 2.0), (0.10, 1.0), (-0.20, -2.0), (-0.10, -1.0))


def build(
    rows: pl.DataFrame,
    results: Results,
    form: pl.DataFrame,
    players: pl.DataFrame,
    listed_status: pl.Series,
    *,
    has_injuries: bool,
) -> pl.DataFrame:
    """One row a row of the slate: columns of contracts.tables.player_daily_cache.

    `form` is team_form of all teams; `listed_status` is each row's status at its cut-off. A feature of a player without
    an active game behind him is NULL, back_to_back and games_in_last_7_days aside; what the features are made of stays
    (team_rest_days, ...).
    """
    career = Past(results.active_games, rows, ["player_id"])
    season = Past(results.active_games, rows, ["player_id", "season"])
    has_history = career.whole().n_games > 0
    built = player_rows(rows).with_columns(
        *_form(career, season.whole()),
        rest_days(rows["game_date"], season.latest("game_date")).alias("rest_days"),
        _age(rows, players),
        listed_status.alias("listed_status"),
    )
    built = _with_teams(built, rows, form).with_columns(
        _injury_risk() if has_injuries else pl.lit(None, pl.Float64).alias("injury_risk"),
        (pl.col("team_rest_days") - pl.col("opponent_rest_days")).alias("rest_advantage_unclamped"),
    )
    of_his_own = ("team_pace_last_10", "team_off_rating_last_10", "team_win_pct", "injury_risk")
    return (
        built.with_columns(
            pl.col("rest_advantage_unclamped").clip(-2, 2).alias("rest_advantage"),
            latest_of(career.whole().max_source_date, built["team_date"], built["opponent_date"]),
        )
        .with_columns(pl.when(has_history).then(pl.col("rest_advantage", *of_his_own)))
        .drop("team_date", "opponent_date")
    )


def _form(career: Past, season: Window) -> list[pl.Series]:
    last_3, last_5, last_10 = (career.last(n, within_days=WITHIN_DAYS) for n in (3, 5, 10))
    return [
        last_5.mean("points").alias("points_avg_last_5"),
        last_10.mean("points").alias("points_avg_last_10"),
        season.mean("points").alias("points_avg_season"),
        last_10.sample_std("points", "points_squared").alias("points_std_last_10"),
        career.days(7).n_games.cast(pl.Float64).alias("games_in_last_7_days"),
        _recent_trend(career, last_5),
        _minutes_change(last_10, season),
        last_10.mean("minutes").alias("minutes_avg_last_10"),
        season.mean("minutes").alias("minutes_avg_season"),
        ratio(last_10.sum("points"), last_10.sum("minutes")).alias("ppm_avg_last_10"),
        usage(last_3).alias("usage_last_3"),
        usage(last_10).alias("usage_last_10"),
        last_5.n_games.cast(pl.Float64).alias("n_games_last_5"),
        last_10.n_games.cast(pl.Float64).alias("n_games_last_10"),
        season.n_games.cast(pl.Float64).alias("n_games_season"),
    ]


def usage(window: Window) -> pl.Series:
    """The share of his team's plays that a player used while on the floor, each term summed over the window."""
    plays = window.sum("attempts_x100") * window.sum("team_minutes")
    return ratio(plays.cast(pl.Float64), 5.0 * (window.sum("minutes") * window.sum("team_attempts_x100")))


def _recent_trend(career: Past, last_5: Window) -> pl.Series:
    """Positive = rising: the 3 latest games against the 2 before them."""
    latest = career.last(3, within_days=WITHIN_DAYS).mean("points")
    before = career.last(2, within_days=WITHIN_DAYS, skip=3).mean("points")
    return keep_where(last_5.n_games >= 5, _steps(latest - before, TREND_STEPS)).alias("recent_trend")


def _minutes_change(last_10: Window, season: Window) -> pl.Series:
    usual = season.mean("minutes")
    return _steps((last_10.mean("minutes") - usual) / usual, MINUTES_STEPS).alias("minutes_change")


def _steps(values: pl.Series, steps: tuple[tuple[float, float], ...]) -> pl.Series:
    """The step of each value: positive thresholds are reached from below, negative ones from above; else 0."""
    value = values.round(9)
    step = pl.lit(0.0)
    for threshold, level in reversed(steps):
        reached = value >= threshold if threshold > 0 else value <= threshold
        step = pl.when(reached).then(pl.lit(level)).otherwise(step)
    return pl.select(pl.when(value.is_not_null()).then(step)).to_series()


def _age(rows: pl.DataFrame, players: pl.DataFrame) -> pl.Series:
    """Whole years on the game date; NULL without a birth date."""
    born = pl.col("birth_date").cast(pl.Date)
    had_birthday = (pl.col("game_date").dt.month(), pl.col("game_date").dt.day())
    before_birthday = (had_birthday[0] < born.dt.month()) | (
        (had_birthday[0] == born.dt.month()) & (had_birthday[1] < born.dt.day())
    )
    years = pl.col("game_date").dt.year() - born.dt.year() - before_birthday.cast(pl.Int32)
    joined = rows.select("player_id", "game_date").join(
        players.select("player_id", "birth_date"), on="player_id", how="left", maintain_order="left"
    )
    return joined.select(years.cast(pl.Float64).alias("age")).to_series()


def _with_teams(built: pl.DataFrame, rows: pl.DataFrame, form: pl.DataFrame) -> pl.DataFrame:
    opponent = form.select(
        "game_id",
        pl.col("team_id").alias("opponent_id"),
        pl.col("team_rest_days").alias("opponent_rest_days"),
        pl.col("team_date").alias("opponent_date"),
    )
    return (
        built.with_columns(rows["opponent_id"])
        .join(form, on=["game_id", "team_id"], how="left", maintain_order="left")
        .join(opponent, on=["game_id", "opponent_id"], how="left", maintain_order="left")
        .drop("opponent_id")
    )


def _injury_risk() -> pl.Expr:
    risk = pl.col("listed_status").replace_strict(RISK, return_dtype=pl.Float64)
    return risk.fill_null(0.0).alias("injury_risk")
