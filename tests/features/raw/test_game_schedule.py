"""Schedules and game lines: games to come, and what is known of those played."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from contracts import tables
from features.raw.ingest import IngestReport

Rows = list[dict[str, Any]]
Put = Callable[..., IngestReport]
MakeGame = Callable[..., Rows]
Contents = Callable[..., Rows]

LISTED: dict[str, Any] = {
    "game_id": "0022300009",
    "season": "2023-24",
    "game_date": "2023-11-05",
    "home": "BOS",
    "away": "ATL",
    "spread_home": "-4.5",
    "total": "220",
    "spread_home_morning": None,
    "total_morning": None,
    "tip_off_at": "2023-11-06 00:30:00+00:00",
}


def test_game_lines_are_the_schedule_of_games_not_yet_played(put: Put, game: MakeGame, contents: Contents) -> None:
    put("game-logs", game())
    report = put("game-lines", [LISTED, LISTED | {"game_id": "0022300001", "game_date": "2023-11-01", "home": "ATL",
                                                  "away": "BOS", "tip_off_at": "2023-11-01T23:00:00Z"}])  # fmt: skip
    assert (report.rows, report.changed, report.rejected, report.games) == (2, 2, 0, 2)
    played, scheduled = contents(tables.games)
    assert played["tip_off_at"] == datetime(2023, 11, 1, 23, tzinfo=UTC)
    assert scheduled == {
        "game_id": "0022300009",
        "season": 2023,
        "season_type": "regular",
        "game_date": date(2023, 11, 5),
        "home_team_id": 1610612738,
        "away_team_id": 1610612737,
        "tip_off_at": datetime(2023, 11, 6, 0, 30, tzinfo=UTC),
    }
    assert contents(tables.game_lines)[1]["spread_home"] == -4.5
    assert contents(tables.game_lines)[1]["total_morning"] is None
    assert put("game-lines", [LISTED]).changed == 0
    assert put("game-lines", [LISTED | {"total": "221.5"}]).changed == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"game_id": "20200817_PHI@BOS"}, "game_id is not a 10-digit game id"),
        ({"game_id": "0012300009"}, "preseason game"),
        ({"game_id": "0032300009"}, "all-star game"),
        ({"season": "2023"}, "season is not a season"),
        ({"season": "2023-25"}, "season is not a season"),
        ({"season": "2021-22"}, "date outside its season"),
        ({"home": "XYZ"}, "home team is unknown"),
        ({"away": "XYZ"}, "away team is unknown"),
        ({"away": "BOS"}, "home and away are one team"),
        ({"total": "22"}, "total is out of range"),
        ({"spread_home": "inf"}, "spread_home is out of range"),
        ({"spread_home": "pick"}, "spread_home is not a number"),
        ({"tip_off_at": "2023-11-06 20:30"}, "tip_off_at is not a time with its zone (2024-03-02T00:30:00Z)"),
        ({"tip_off_at": "2023-11-07T00:30:00Z"}, "tip_off_at is on another day"),
    ],
)
def test_a_faulty_game_line_is_rejected(
    put: Put, game: MakeGame, contents: Contents, change: dict[str, str], reason: str
) -> None:
    put("game-logs", game())
    assert put("game-lines", [LISTED | change]).reasons == {reason: 1}
    assert contents(tables.game_lines) == []
    assert len(contents(tables.games)) == 1


def test_a_line_of_other_teams_than_the_box_scores_is_rejected(put: Put, game: MakeGame, contents: Contents) -> None:
    put("game-logs", game())
    swapped = LISTED | {"game_id": "0022300001", "game_date": "2023-11-01", "tip_off_at": None}
    assert put("game-lines", [swapped]).reasons == {"home and away are not the box scores'": 1}
    assert contents(tables.game_lines) == []


def test_a_postponed_game_takes_the_box_scores_date_and_loses_the_tip_off_of_the_old_day(
    put: Put, game: MakeGame, contents: Contents
) -> None:
    put("game-logs", game())
    put("game-lines", [LISTED])
    put("game-logs", game(game_id="0022300009", date="2023-12-20", home="BOS", away="ATL"))
    moved = contents(tables.games)[1]
    assert (moved["game_date"], moved["tip_off_at"]) == (date(2023, 12, 20), None)
    assert put("game-lines", [LISTED]).changed == 0
    assert contents(tables.games)[1] == moved


def test_box_scores_keep_the_tip_off_that_was_known(put: Put, game: MakeGame, contents: Contents) -> None:
    put("game-logs", game())
    put("game-lines", [LISTED])
    put("game-logs", game(game_id="0022300009", date="2023-11-05", home="BOS", away="ATL"))
    assert contents(tables.games)[1]["tip_off_at"] == datetime(2023, 11, 6, 0, 30, tzinfo=UTC)


def test_a_schedule_names_its_season_in_the_game_id(put: Put, game: MakeGame, contents: Contents) -> None:
    put("game-logs", game())
    names = ("game_id", "game_date", "home", "away", "tip_off_at")
    row = {name: LISTED[name] for name in names} | {
        "game_id": "0042300101",
        "game_date": "2024-04-20",
        "tip_off_at": None,
    }
    report = put("schedule", [row])
    assert (report.rows, report.changed, report.games) == (1, 1, 1)
    assert (contents(tables.games)[1]["season"], contents(tables.games)[1]["season_type"]) == (2023, "playoffs")
    assert put("schedule", [row]).changed == 0
    moved = put("schedule", [row | {"game_date": "2024-04-21", "tip_off_at": "2024-04-21T19:00:00.000000+0000"}])
    assert moved.changed == 1
    assert contents(tables.games)[1]["tip_off_at"] == datetime(2024, 4, 21, 19, tzinfo=UTC)


def test_lines_before_any_team_is_known_say_what_to_ingest_first(put: Put) -> None:
    report = put("game-lines", [LISTED])
    assert report.rows == 0
    assert report.rejects_path is not None
    assert "home team 'BOS' is unknown: ingest game logs first" in report.rejects_path.read_text()
