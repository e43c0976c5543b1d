"""What happened, in the shapes that windows run over: games of a team, active games of a player."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from contracts.errors import RefusedError
from features.raw.facts import RawFacts

ZONES = ("paint", "mid_range", "three", "two_point", "box_three")
"""Zones of the court: three from shot data, then two that box scores tell apart."""

_COUNTS = ("minutes", "points", "fga", "fta", "oreb", "turnovers")
_ZONE_COUNTS = tuple(f"{zone}_{kind}" for zone in ZONES for kind in ("attempts", "made"))
_IN_NO_WINDOW = (
    *("season_type", "is_home", "won", "has_zones"),
    *("oreb", "dreb", "steals", "blocks", "turnovers", "fouls", "plus_minus"),
)
"""What no window over a player's games asks for: at 25 seasons it would be a tenth of a gigabyte."""


@dataclass(frozen=True)
class Results:
    """The games that have box scores.

    team_games: one row a team and game: game_id, team_id, opponent_id, season, game_date, won (0/1), the team's
    counts, its pace, possessions_x100 and attempts_x100 (hundredths, hence whole: sums of them are exact), and what
    it allowed: opponent_points, opponent_possessions_x100, opponent_{zone}_attempts and _made.
    active_games: one row a player and game of more than 0 minutes: his counts and zones, points_squared, attempts_x100,
    fga_with_zones (attempts in games with shot data), is_back_to_back (0/1: he was active the day before) and his
    team's team_minutes and team_attempts_x100 in that game.
    appearances: one row a player and game, MIN = 0 included: player_id, team_id, season, game_date.
    """

    team_games: pl.DataFrame
    active_games: pl.DataFrame
    appearances: pl.DataFrame


def total_team_games(raw: RawFacts) -> pl.DataFrame:
    """Results.team_games of the games in `raw`, which must be whole; sorted by game_date, game_id, team_id.

    A game that refuse_broken would refuse has NULLs in it.
    """
    keys = ("game_id", "team_id", "opponent_id", "season", "game_date")
    own = (
        _with_zones(raw)
        .group_by(keys)
        .agg(pl.col(*_COUNTS, *_ZONE_COUNTS).sum(), pl.col("won").max())
        .with_columns(_attempts_x100(), _possessions_x100())
        .with_columns((2.4 * pl.col("possessions_x100") / pl.col("minutes")).alias("pace"))
        .sort("game_date", "game_id", "team_id")
    )
    allowed = own.select(
        "game_id",
        pl.col("team_id").alias("opponent_id"),
        pl.col("points", "possessions_x100", "minutes", *_ZONE_COUNTS).name.prefix("opponent_"),
    )
    both = own.join(allowed, on=["game_id", "opponent_id"], how="left", maintain_order="left")
    won = pl.coalesce("won", pl.col("points") > pl.col("opponent_points"))
    return both.with_columns(won.cast(pl.Int64)).drop("opponent_minutes")


def refuse_broken(team_games: pl.DataFrame) -> None:
    """Raise RefusedError where a game has box scores of one team only, or of a team without minutes.

    Its totals would be wrong and nobody would notice.
    """
    lonely = team_games.filter(pl.col("opponent_points").is_null())["game_id"].unique().sort()
    empty = team_games.filter(pl.col("minutes") == 0)["game_id"].unique().sort()
    for games, fault in ((lonely, "box scores of one team only"), (empty, "a team with 0 minutes in all")):
        if len(games):
            raise RefusedError(
                f"{len(games)} games have {fault}: {', '.join(games.head(5))}.",
                remedy="Ingest those games again, whole: `tipoff ingest game-logs PATH`.",
            )


def gather_results(raw: RawFacts, team_games: pl.DataFrame) -> Results:
    """The results of the players in `raw`, who must be whole; `team_games` holds those of every team."""
    lines = _with_zones(raw)
    return Results(
        team_games=team_games,
        active_games=_active_games(lines, team_games),
        appearances=appearances(raw),
    )


def appearances(raw: RawFacts) -> pl.DataFrame:
    """Results.appearances of the players in `raw`."""
    return raw.player_games.select("player_id", "team_id", "season", "game_date")


def _with_zones(raw: RawFacts) -> pl.DataFrame:
    shots = raw.shot_zones.with_columns(pl.lit(True).alias("has_zones"))
    shot_counts = [name for name in _ZONE_COUNTS if name in shots.columns]
    return (
        raw.player_games.join(shots, on=["game_id", "player_id"], how="left", maintain_order="left")
        .with_columns(
            pl.col(shot_counts).fill_null(0),
            (pl.col("fga") - pl.col("fg3a")).alias("two_point_attempts"),
            (pl.col("fgm") - pl.col("fg3m")).alias("two_point_made"),
            pl.col("fg3a").alias("box_three_attempts"),
            pl.col("fg3m").alias("box_three_made"),
            pl.when("has_zones").then("fga").otherwise(0).alias("fga_with_zones"),
        )
        .with_columns(_attempts_x100())
    )


def _active_games(lines: pl.DataFrame, team_games: pl.DataFrame) -> pl.DataFrame:
    team = team_games.select("game_id", "team_id", pl.col("minutes", "attempts_x100").name.prefix("team_"))
    yesterday = pl.col("game_date") - pl.duration(days=1)
    return (
        lines.filter(pl.col("minutes") > 0)
        .join(team, on=["game_id", "team_id"], how="left", maintain_order="left")
        .sort("player_id", "game_date")
        .with_columns(
            (pl.col("points") * pl.col("points")).alias("points_squared"),
            (pl.col("game_date").shift(1).over("player_id") == yesterday)
            .fill_null(value=False)
            .cast(pl.Int64)
            .alias("is_back_to_back"),
        )
        .drop(_IN_NO_WINDOW)
    )


def _attempts_x100() -> pl.Expr:
    """Hundredths of FGA + 0.44 FTA + TOV: the plays that usage counts."""
    return (100 * pl.col("fga") + 44 * pl.col("fta") + 100 * pl.col("turnovers")).alias("attempts_x100")


def _possessions_x100() -> pl.Expr:
    """Hundredths of FGA + 0.44 FTA - OREB + TOV."""
    plays = 100 * pl.col("fga") + 44 * pl.col("fta") - 100 * pl.col("oreb") + 100 * pl.col("turnovers")
    return plays.alias("possessions_x100")
