"""What each layout of files does with nonsense: it is named, kept aside, and nothing of it is believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from contracts import tables
from contracts.errors import UsageError
from features.raw.ingest import IngestReport, ingest
from features.sources.files import read_file

Rows = list[dict[str, Any]]
Put = Callable[..., IngestReport]
MakeGame = Callable[..., Rows]
Contents = Callable[..., Rows]

GOOD: dict[str, dict[str, Any]] = {
    "injuries": {"date": "2023-11-01", "player_id": "371", "status": "out", "note": "knee"},
    "shot-zones": {
        "GAME_ID": "0022300001", "PLAYER_ID": "371", "PAINT_FGA": "5", "PAINT_FGM": "3", "MID_RANGE_FGA": "2",
        "MID_RANGE_FGM": "1", "THREE_FGA": "5", "THREE_FGM": "2",
    },
    "schedule": {"game_id": "0022300009", "game_date": "2023-11-07", "home": "ATL", "away": "BOS", "tip_off_at": None},
    "players": {"PLAYER_ID": "371", "PLAYER_NAME": "ATL 1", "BIRTH_DATE": "1999-05-01"},
    "positions": {"PLAYER_ID": "371", "POSITION": "G"},
}  # fmt: skip
BAD = [
    ("injuries", {"date": "11/01/2023"}, "date is not a date (2024-03-01)"),
    ("injuries", {"date": "1823-11-01"}, "date is out of range"),
    ("injuries", {"player_id": "John Smith"}, "player_id is not a whole number"),
    ("injuries", {"status": "dead"}, "status is unknown"),
    ("shot-zones", {"PAINT_FGA": "five"}, "PAINT_FGA is not a whole number"),
    ("shot-zones", {"PAINT_FGM": "-3"}, "PAINT_FGM is negative"),
    ("shot-zones", {"PAINT_FGA": "2"}, "more paint_made than paint_attempts"),
    ("shot-zones", {"GAME_ID": "today"}, "GAME_ID is not a 10-digit game id"),
    ("schedule", {"game_date": "2023-02-30"}, "game_date is not a date (2024-03-01)"),
    ("schedule", {"game_date": "2021-11-07"}, "date outside its season"),
    ("schedule", {"game_id": "0012300009"}, "preseason game"),
    ("schedule", {"game_id": "0032300009"}, "all-star game"),
    ("schedule", {"home": "XYZ"}, "home team is unknown"),
    ("schedule", {"status": "perhaps"}, "status is unknown"),
    ("schedule", {"tip_off_at": "19:30"}, "tip_off_at is not a time with its zone (2024-03-02T00:30:00Z)"),
    ("players", {"BIRTH_DATE": "May 1999"}, "BIRTH_DATE is not a date (2024-03-01)"),
    ("players", {"BIRTH_DATE": "0199-05-01"}, "BIRTH_DATE is out of range"),
    ("players", {"PLAYER_ID": "0"}, "PLAYER_ID is out of range"),
    ("positions", {"POSITION": "goalkeeper"}, "POSITION is not G, F or C"),
]


@pytest.mark.parametrize(("kind", "change", "reason"), BAD)
def test_a_bad_value_is_rejected_by_its_reason(
    put: Put, game: MakeGame, kind: str, change: dict[str, str], reason: str
) -> None:
    put("game-logs", game())
    report = put(kind, [GOOD[kind] | change])
    assert (report.rows, report.changed, report.reasons) == (0, 0, {reason: 1})


@pytest.mark.parametrize("kind", GOOD)
def test_a_file_that_is_empty_cut_short_or_of_another_kind_is_refused(
    kind: str, tmp_path: Path, engine: sa.Engine, put: Put
) -> None:
    path = tmp_path / "file.csv"
    for content, words in (("", "is empty"), ('a,b\n"x', "fields in record 2")):
        path.write_text(content)
        with pytest.raises(UsageError, match=words):
            read_file(path)
    with pytest.raises(UsageError, match="a header but no rows"):
        put(kind, pl.DataFrame([GOOD[kind]]).clear())
    path.write_text("name,colour\nx,red\n")
    with pytest.raises(UsageError, match="lacks the columns"):
        ingest(engine, kind, [read_file(path)], tmp_path / "rejects")


@pytest.mark.parametrize("kind", ["injuries", "players", "positions"])
def test_a_player_whom_no_box_score_knows_yet_is_kept_for_when_he_comes(put: Put, kind: str) -> None:
    name = "player_id" if kind == "injuries" else "PLAYER_ID"
    assert (put(kind, [GOOD[kind] | {name: "99"}]).rows, put(kind, [GOOD[kind] | {name: "99"}]).changed) == (1, 0)


def test_zones_of_a_player_who_is_not_in_the_box_score_are_refused_with_their_game(
    put: Put, game: MakeGame, contents: Contents
) -> None:
    put("game-logs", game())
    players = [str(row["PLAYER_ID"]) for row in game()]
    whole = [GOOD["shot-zones"] | {"PLAYER_ID": player} for player in players]
    stranger = GOOD["shot-zones"] | {"PLAYER_ID": "99"}
    assert put("shot-zones", [*whole, stranger]).reasons == {"shots are not the box score's": 7}
    assert put("shot-zones", whole[:5]).reasons == {"shots are not the box score's": 5}
    assert contents(tables.shot_zones) == []
    assert put("shot-zones", whole).rows == 6
    assert put("shot-zones", whole[:1]).changed == 0
