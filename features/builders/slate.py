"""The rows: who stands on the slate of a game before it is played, and who appeared in it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl

from contracts.errors import RefusedError
from contracts.settings import FeatureSettings
from features.builders.injury_list import LISTED_OUT, listed_status
from features.builders.results import Results
from features.builders.windows import Past, pairs_with_latest
from features.raw.facts import RawFacts

_SLATE = (
    *("game_id", "player_id", "game_date", "team_id", "opponent_id", "season", "season_type"),
    *("is_home", "tip_off_at", "state", "is_expected"),
)


def games_without_results(raw: RawFacts) -> pl.DataFrame:
    """Scheduled games without box scores before the latest date that has some: called off, or not ingested.

    Nobody is expected in them. On that latest date itself the others may still be played. A frame with the columns of
    games.
    """
    return raw.games.filter(~_has_results(raw) & (pl.col("game_date") < _latest_result(raw)))


def team_schedule(raw: RawFacts, settings: FeatureSettings, dates: Collection[date] | None = None) -> pl.DataFrame:
    """One row a team and game that was played or is soon to come, of `dates` only where given.

    Soon to come is what is left of the latest date with results, and the next settings.coming_game_dates dates with
    games: rows of later ones would be written anew after each date between.

    Columns: game_id, team_id, opponent_id, is_home, season, season_type, game_date, tip_off_at, has_results.
    """
    games = raw.games.with_columns(_has_results(raw).alias("has_results"))
    coming = games.filter(pl.col("game_date") > _latest_result(raw))["game_date"].unique()
    soon = coming.bottom_k(settings.coming_game_dates).implode()
    is_soon = (pl.col("game_date") == _latest_result(raw)) | pl.col("game_date").is_in(soon)
    games = games.filter(pl.col("has_results") | is_soon)
    if dates is not None:
        games = games.filter(pl.col("game_date").is_in(list(dates)))
    facts = ("season", "season_type", "game_date", "tip_off_at", "has_results")
    sides = [("home_team_id", "away_team_id", True), ("away_team_id", "home_team_id", False)]
    return pl.concat(
        games.select(
            "game_id",
            pl.col(team).alias("team_id"),
            pl.col(opponent).alias("opponent_id"),
            pl.lit(is_home).alias("is_home"),
            *facts,
        )
        for team, opponent, is_home in sides
    ).sort("game_date", "game_id", "team_id")


def build_slate(raw: RawFacts, results: Results, schedule: pl.DataFrame, settings: FeatureSettings) -> pl.DataFrame:
    """The rows of the games in `schedule`: everybody expected and everybody who appeared, one row a player and game.

    Columns: game_id, player_id, game_date, team_id, opponent_id, season, season_type, is_home, tip_off_at, state
    (contracts.tables.ROW_STATES) and is_expected, which does not depend on who appeared. Sorted by game_date,
    game_id, player_id.
    """
    appeared = raw.player_games.select(
        "game_id",
        "player_id",
        "team_id",
        pl.when(pl.col("minutes") > 0).then(pl.lit("played")).otherwise(pl.lit("under_30_seconds")).alias("state"),
    ).join(schedule.select("game_id", "team_id"), on=["game_id", "team_id"], how="semi")
    expected = expected_players(raw, results, schedule, settings)
    key = ["game_id", "player_id"]
    flags = expected.select(*key, pl.lit(True).alias("is_expected"))
    rows = pl.concat(
        [
            appeared.join(flags, on=key, how="left").with_columns(pl.col("is_expected").fill_null(value=False)),
            expected.join(appeared, on=key, how="anti").select(
                *key, "team_id", pl.lit(None, pl.String).alias("state"), pl.lit(True).alias("is_expected")
            ),
        ]
    ).join(schedule, on=["game_id", "team_id"], how="left")
    unseen = pl.when("has_results").then(pl.lit("absent")).otherwise(pl.lit("scheduled"))
    return (
        rows.with_columns(pl.coalesce("state", unseen).alias("state"))
        .select(_SLATE)
        .sort("game_date", "game_id", "player_id")
    )


def expected_players(
    raw: RawFacts, results: Results, schedule: pl.DataFrame, settings: FeatureSettings
) -> pl.DataFrame:
    """Who stands on the slate of each game in `schedule`, known before it: game_id, team_id, player_id.

    His latest appearance is for the team, at most settings.expected_days days and settings.expected_team_games team
    games ago (the team's latest game is one ago), and he is not listed out at the cut-off.
    """
    pairs = pairs_with_latest(
        results.appearances,
        schedule,
        subject="player_id",
        key=["team_id"],
        until=pl.col("game_date") + pl.duration(days=settings.expected_days),
    )
    n_team_games_ago = Past(results.team_games, pairs, ["team_id"]).since(pairs["latest_date"]).n_games
    pairs = pairs.filter(n_team_games_ago <= settings.expected_team_games)
    status = listed_status(raw.injuries, pairs, settings.line_cutoff_minutes)
    return pairs.filter(~status.is_in(LISTED_OUT).fill_null(value=False)).select("game_id", "team_id", "player_id")


def refuse_unscheduled(raw: RawFacts) -> None:
    """Raise RefusedError where somebody appeared for a team in a game that the schedule does not name.

    Or on another date than the schedule's: dated earlier, his own game would be among the games before it.
    """
    teams = pl.concat(
        raw.games.select("game_id", pl.col(side).alias("team_id")) for side in ("home_team_id", "away_team_id")
    )
    strangers = raw.player_games.join(teams, on=["game_id", "team_id"], how="anti")["game_id"].unique().sort()
    if len(strangers):
        raise RefusedError(
            f"{len(strangers)} games have box scores of a team that the schedule does not name: "
            f"{', '.join(strangers.head(5))}.",
            remedy="Ingest the schedule of those games: `tipoff ingest schedule PATH`.",
        )
    moved = raw.player_games.join(raw.games, on=["game_id", "game_date"], how="anti")["game_id"].unique().sort()
    if len(moved):
        raise RefusedError(
            f"{len(moved)} games have box scores of another date than the schedule's: {', '.join(moved.head(5))}.",
            remedy="Ingest the box scores of those games again: `tipoff ingest game-logs PATH`.",
        )


def _has_results(raw: RawFacts) -> pl.Expr:
    return pl.col("game_id").is_in(raw.player_games["game_id"].unique().implode())


def _latest_result(raw: RawFacts) -> pl.Expr:
    return pl.lit(raw.player_games["game_date"].max() or date.min)
