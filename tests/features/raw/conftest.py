"""Small sources in the layouts of the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from features.raw.ingest import IngestReport, ingest
from features.sources.files import Source

TEAMS = {
    "ATL": (1610612737, "Atlanta Hawks"),
    "BOS": (1610612738, "Boston Celtics"),
    "CHI": (1610612741, "Chicago Bulls"),
}

Rows = list[dict[str, Any]]
MakeGame = Callable[..., Rows]
Ingest = Callable[..., IngestReport]


BOX = {
    "MIN": "30", "PTS": "17", "FGM": "6", "FGA": "12", "FG_PCT": "0.5", "FG3M": "2", "FG3A": "5", "FTM": "3",
    "FTA": "4", "OREB": "1", "DREB": "4", "REB": "5", "AST": "3", "STL": "1", "BLK": "0", "TOV": "2", "PF": "3",
}  # fmt: skip


def _team(abbreviation: str, of_game: dict[str, str]) -> Rows:
    team_id, name = TEAMS[abbreviation]
    of_team = {"TEAM_ID": str(team_id), "TEAM_ABBREVIATION": abbreviation, "TEAM_NAME": name}
    return [
        {"PLAYER_ID": str(team_id % 100 * 10 + place), "PLAYER_NAME": f"{abbreviation} {place}"}
        | of_team
        | of_game
        | BOX
        for place in (1, 2, 3)
    ]


@pytest.fixture
def game() -> MakeGame:
    """A maker of one game's box score rows: three players a team, consistent in every way."""

    def make(
        game_id: str = "0022300001",
        date: str = "2023-11-01",
        home: str = "ATL",
        away: str = "BOS",
        season_id: str = "22023",
    ) -> Rows:
        of_game = {"SEASON_ID": season_id, "GAME_ID": game_id, "GAME_DATE": date}
        sides = (
            _team(home, of_game | {"MATCHUP": f"{home} vs. {away}", "WL": "W", "PLUS_MINUS": "4"}),
            _team(away, of_game | {"MATCHUP": f"{away} @ {home}", "WL": "L", "PLUS_MINUS": "-4"}),
        )
        return [row for side in sides for row in side]

    return make


@pytest.fixture
def put(engine: sa.Engine, tmp_path: Path) -> Ingest:
    """Ingests rows (lists of dicts or frames, one a source) of a kind into `engine`."""

    def run(kind: str, *sources: Rows | pl.DataFrame, into: sa.Engine | None = None) -> IngestReport:
        frames = [
            rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows, infer_schema_length=None) for rows in sources
        ]
        named = [Source(f"source {number}", frame, "0" * 64) for number, frame in enumerate(frames, start=1)]
        return ingest(into or engine, kind, named, tmp_path / "rejects")

    return run


@pytest.fixture
def contents(engine: sa.Engine) -> Callable[..., Rows]:
    """The rows of a table, by its key."""

    def read(table: sa.Table, from_engine: sa.Engine | None = None) -> Rows:
        with (from_engine or engine).connect() as connection:
            found = connection.execute(sa.select(table).order_by(*table.primary_key.columns))
            return [dict(row) for row in found.mappings()]

    return read
