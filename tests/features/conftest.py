"""Raw facts for the tests of the builders: the real seasons, read with a loader of our own, and a small league."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from contracts import tables
from contracts.clock import SEASON_TYPES
from contracts.database import _polars_type
from features.raw import RawFacts

BOX = {
    "minutes": "MIN", "points": "PTS", "fgm": "FGM", "fga": "FGA", "fg3m": "FG3M", "fg3a": "FG3A", "ftm": "FTM",
    "fta": "FTA", "oreb": "OREB", "dreb": "DREB", "rebounds": "REB", "assists": "AST", "steals": "STL", "blocks": "BLK",
    "turnovers": "TOV", "fouls": "PF", "plus_minus": "PLUS_MINUS",
}  # fmt: skip
STATUS = {"out": "out", "returned": "available"}
DATA = Path(os.environ.get("TIPOFF_TEST_DATA") or Path(__file__).parents[2] / ".." / "shared" / "data")


def empty(table: sa.Table) -> pl.DataFrame:
    """No rows of `table`, in its types."""
    return pl.DataFrame(schema={column.name: _polars_type(column.type) for column in table.columns})


def real_player_games(*seasons: str) -> pl.DataFrame:
    logs = pl.concat(pl.read_csv(DATA / "player_game_logs" / f"{season}.csv.gz") for season in seasons)
    teams = dict(logs.select("TEAM_ABBREVIATION", "TEAM_ID").unique().iter_rows())
    return logs.select(
        pl.col("GAME_ID").cast(pl.String).str.zfill(10).alias("game_id"),
        pl.col("PLAYER_ID").alias("player_id"),
        (pl.col("SEASON_ID") % 10000).alias("season"),
        (pl.col("SEASON_ID") // 10000).replace_strict(SEASON_TYPES, return_dtype=pl.String).alias("season_type"),
        pl.col("GAME_DATE").str.slice(0, 10).str.to_date().alias("game_date"),
        pl.col("TEAM_ID").alias("team_id"),
        pl.col("MATCHUP").str.slice(-3).replace_strict(teams, return_dtype=pl.Int64).alias("opponent_id"),
        pl.col("MATCHUP").str.contains("vs.", literal=True).alias("is_home"),
        (pl.col("WL") == "W").alias("won"),
        *(pl.col(column).alias(name) for name, column in BOX.items()),
    ).select(tables.player_games.columns.keys())


def games_of(player_games: pl.DataFrame) -> pl.DataFrame:
    """The schedule that box scores imply: one row a game, no tip-off time."""
    team = pl.when("is_home").then("team_id").otherwise("opponent_id")
    away = pl.when("is_home").then("opponent_id").otherwise("team_id")
    return (
        player_games.select(
            "game_id", "season", "season_type", "game_date", team.alias("home_team_id"), away.alias("away_team_id")
        )
        .unique()
        .with_columns(pl.lit(None, pl.Datetime("us", "UTC")).alias("tip_off_at"))
        .sort("game_date", "game_id")
    )


def facts(player_games: pl.DataFrame, **frames: object) -> RawFacts:
    """RawFacts of these box scores; every other frame empty unless given."""
    parts: dict[str, object] = {
        "games": games_of(player_games),
        "player_games": player_games,
        "ingested": frozenset({"game-logs"}),
    }
    for name in ("shot_zones", "points_lines", "injuries", "players", "teams", "game_lines"):
        parts[name] = empty(tables.metadata.tables[name])
    return RawFacts(**(parts | frames))  # type: ignore[arg-type]


def real_facts(*seasons: str) -> RawFacts:
    box = real_player_games(*seasons)
    tips = pl.read_parquet(DATA / "game_lines.parquet").select(
        "game_id",
        pl.col("tip_off_at")
        .str.slice(0, 19)
        .str.replace("T", " ")
        .str.to_datetime("%Y-%m-%d %H:%M:%S", time_zone="UTC"),
    )
    games = games_of(box).drop("tip_off_at").join(tips, on="game_id", how="left")
    return facts(
        box,
        games=games,
        points_lines=pl.read_parquet(DATA / "points_lines.parquet").select(tables.points_lines.columns.keys()),
        injuries=_real_injuries(),
        ingested=frozenset({"game-logs", "game-lines", "points-lines", "injuries"}),
    )


def _real_injuries() -> pl.DataFrame:
    return pl.read_csv(DATA / "injuries.csv.gz", try_parse_dates=True).with_row_index("entry").select(
        "player_id",
        pl.col("date").alias("reported_on"),
        pl.when(pl.col("note").str.contains("DTD")).then(pl.lit("day_to_day"))
        .otherwise(pl.col("status").replace_strict(STATUS)).alias("status"),
        "note",
        pl.lit(None, pl.Datetime("us", "UTC")).alias("captured_at"),
        pl.col("entry").cast(pl.Int64),
    )  # fmt: skip


@pytest.fixture(scope="session")
def real_seasons() -> RawFacts:
    """2022-23 and 2023-24 as they were."""
    if not (DATA / "player_game_logs").is_dir():
        pytest.skip(f"no real data at {DATA}: set TIPOFF_TEST_DATA")
    return real_facts("2022-23", "2023-24")
