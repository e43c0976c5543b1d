"""Injury entries, players and shot zones from files."""

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

INJURY: dict[str, Any] = {"date": "2023-11-01", "player_id": "371", "status": "out", "note": "sore knee"}


@pytest.mark.parametrize(
    ("status", "note", "kept"),
    [
        ("returned", "activated", "available"),
        ("out", "sore knee (DTD)", "day_to_day"),
        ("out", "torn ligament (out for season)", "out"),
        *((name, "", name) for name in ("probable", "questionable", "doubtful", "available", "day_to_day")),
        ("probable", "sore knee (DTD)", "probable"),
    ],
)
def test_a_status_as_published_is_kept_as_ours(put: Put, contents: Contents, status: str, note: str, kept: str) -> None:
    assert put("injuries", [INJURY | {"status": status, "note": note}]).rejected == 0
    assert [row["status"] for row in contents(tables.injuries)] == [kept]


def test_an_unknown_status_is_rejected(put: Put) -> None:
    assert put("injuries", [INJURY | {"status": "fine"}]).reasons == {"status is unknown": 1}


def _places(contents: Contents) -> dict[str, int]:
    return {row["note"]: row["entry"] for row in contents(tables.injuries)}


def test_entries_of_a_day_keep_the_order_of_the_source_and_a_repeated_one_stands_where_it_stood_last(
    put: Put, contents: Contents
) -> None:
    out, back = INJURY | {"note": "out"}, INJURY | {"status": "returned", "note": "back"}
    report = put("injuries", [out, back, INJURY | {"date": "2023-11-02", "note": "next day"}, out])
    assert (report.rows, report.repeated, report.rejected) == (3, 1, 0)
    assert _places(contents) == {"back": 0, "out": 1, "next day": 0}


def test_entries_that_come_later_stand_later_and_an_older_file_does_not_move_them(put: Put, contents: Contents) -> None:
    first, second, third = (INJURY | {"note": note} for note in ("first", "second", "third"))
    put("injuries", [first])
    assert put("injuries", [first, second]).changed == 1
    assert put("injuries", [third]).changed == 1
    assert _places(contents) == {"first": 0, "second": 1, "third": 2}
    assert put("injuries", [first]).changed == 0
    assert put("injuries", [third, second, first]).changed == 2
    assert _places(contents) == {"third": 0, "second": 1, "first": 2}


def test_an_entry_seen_again_is_known_since_its_first_capture(put: Put, contents: Contents) -> None:
    at = [f"2023-11-01T{hour}:00:00Z" for hour in ("12", "15", "18")]
    put("injuries", [INJURY | {"captured_at": at[1]}, INJURY | {"captured_at": at[2]}])
    assert put("injuries", [INJURY | {"captured_at": at[2]}]).changed == 0
    assert put("injuries", [INJURY]).changed == 0
    assert contents(tables.injuries)[0]["captured_at"] == datetime(2023, 11, 1, 15, tzinfo=UTC)
    assert put("injuries", [INJURY | {"captured_at": at[0]}]).changed == 1
    assert contents(tables.injuries)[0]["captured_at"] == datetime(2023, 11, 1, 12, tzinfo=UTC)


def test_positions_and_birth_dates_meet_in_one_player(put: Put, contents: Contents) -> None:
    put("positions", [{"PLAYER_ID": 1, "POSITION": "C"}, {"PLAYER_ID": 2, "POSITION": "G-F"}])
    report = put("players", [{"PLAYER_ID": 1, "PLAYER_NAME": "Jokić", "BIRTH_DATE": "1995-02-19T00:00:00"}])
    assert (report.rows, report.changed, report.games, report.player_games) == (1, 1, 0, 0)
    assert contents(tables.players) == [
        {"player_id": 1, "name": "Jokić", "position": "C", "birth_date": date(1995, 2, 19)}
    ]
    assert put("players", [{"PLAYER_ID": 1, "PLAYER_NAME": None, "BIRTH_DATE": None}]).changed == 0


def test_shot_zones_count_attempts_and_makes(put: Put, contents: Contents) -> None:
    row = {"GAME_ID": 22300001, "PLAYER_ID": 371, "PAINT_FGA": 5, "PAINT_FGM": 3, "MID_RANGE_FGA": 2,
           "MID_RANGE_FGM": 1, "THREE_FGA": 4, "THREE_FGM": 2}  # fmt: skip
    report = put("shot-zones", [row, row | {"GAME_ID": 22300002, "PAINT_FGM": 6}])
    assert (report.rows, report.rejected, report.player_games) == (1, 1, 1)
    assert report.reasons == {"more paint_made than paint_attempts": 1}
    stored = contents(tables.shot_zones)[0]
    assert (stored["game_id"], stored["paint_attempts"], stored["paint_made"], stored["three_made"]) == (
        "0022300001",
        5,
        3,
        2,
    )
