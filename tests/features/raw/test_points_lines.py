"""Points lines keep book, capture and prices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from contracts import tables
from features.raw.ingest import IngestReport

Rows = list[dict[str, Any]]
Put = Callable[..., IngestReport]
MakeGame = Callable[..., Rows]
Contents = Callable[..., Rows]

LINE: dict[str, Any] = {
    "game_id": "0022300001",
    "player_id": "371",
    "book": "betmgm",
    "captured_at": "2023-11-01T15:00:00Z",
    "tip_off_at": "2023-11-01T23:00:00Z",
    "line": "17.5",
    "over_price": "-110",
    "under_price": None,
}


def test_a_points_line_keeps_book_capture_and_prices_and_needs_no_game(put: Put, contents: Contents) -> None:
    report = put("points-lines", [LINE, LINE | {"captured_at": "2023-11-01T10:00:00-05:00", "line": 18.5}])
    assert (report.rows, report.changed, report.games, report.player_games) == (2, 2, 1, 1)
    assert contents(tables.points_lines)[0] == {
        "game_id": "0022300001",
        "player_id": 371,
        "book": "betmgm",
        "captured_at": datetime(2023, 11, 1, 15, tzinfo=UTC),
        "line": 17.5,
        "tip_off_at": datetime(2023, 11, 1, 23, tzinfo=UTC),
        "over_price": -110.0,
        "under_price": None,
    }
    assert put("points-lines", [LINE]).changed == 0
    assert put("points-lines", [LINE | {"over_price": "-115"}]).changed == 1
    assert len(contents(tables.points_lines)) == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"captured_at": None}, "captured_at is missing"),
        ({"captured_at": "2023-11-01"}, "captured_at is not a time with its zone (2024-03-02T00:30:00Z)"),
        ({"captured_at": "2023-11-01T15:00:00"}, "captured_at is not a time with its zone (2024-03-02T00:30:00Z)"),
        ({"line": "0"}, "line is out of range"),
        ({"line": "100"}, "line is out of range"),
        ({"line": "nan"}, "line is not a number"),
        ({"line": None}, "line is missing"),
        ({"book": ""}, "book is missing"),
        ({"over_price": "1.91"}, "over_price is not an American price"),
    ],
)
def test_a_faulty_points_line_is_rejected(
    put: Put, contents: Contents, change: dict[str, str | None], reason: str
) -> None:
    report = put("points-lines", [LINE | change, LINE | {"player_id": "372"}])
    assert (report.rows, report.reasons) == (1, {reason: 1})
    assert len(contents(tables.points_lines)) == 1


def test_a_column_of_times_without_a_zone_is_rejected_row_by_row(put: Put) -> None:
    frame = pl.DataFrame([LINE | {"captured_at": datetime(2023, 11, 1, 15)}])  # noqa: DTZ001 the fault that is planted
    assert put("points-lines", frame).reasons == {"captured_at is not a time with its zone (2024-03-02T00:30:00Z)": 1}
