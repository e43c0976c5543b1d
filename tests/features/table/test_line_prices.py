"""The price that belongs to the line that stood at the cut-off, and to no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from features.table.line_prices import line_probabilities

TIP_OFF = datetime(2024, 2, 1, 0, 0, tzinfo=UTC)
GAMES = pl.DataFrame({"game_id": ["0022300001"], "tip_off_at": [TIP_OFF]})


def snapshot(
    minutes_before: int, line: float, over: float | None, under: float | None, book: str = "a"
) -> dict[str, Any]:
    return {
        "game_id": "0022300001",
        "player_id": 1,
        "book": book,
        "captured_at": TIP_OFF - timedelta(minutes=minutes_before),
        "line": line,
        "tip_off_at": None,
        "over_price": over,
        "under_price": under,
    }


def stated(*snapshots: dict[str, Any], line: float | None = 20.5, minutes: int = 60) -> float | None:
    times = dict.fromkeys(("captured_at", "tip_off_at"), pl.Datetime("us", "UTC"))
    frame = pl.DataFrame(
        list(snapshots), schema_overrides=times | {"over_price": pl.Float64, "under_price": pl.Float64}
    )
    rows = pl.DataFrame(
        {"game_id": ["0022300001"], "player_id": [1], "line": [line]}, schema_overrides={"line": pl.Float64}
    )
    return line_probabilities(frame, GAMES, rows, minutes).item()


def test_the_latest_price_at_or_before_the_cut_off_counts() -> None:
    early, last = snapshot(300, 20.5, -110, -110), snapshot(60, 20.5, -300, 300)
    late, live = snapshot(59, 20.5, 900, -900), snapshot(-20, 20.5, 900, -900)
    assert stated(early, last, late, live) == pytest.approx(0.75)
    assert stated(early, last, late, live, minutes=100) == pytest.approx(0.5)


def test_the_price_of_another_line_does_not_count() -> None:
    assert stated(snapshot(300, 20.5, -110, -110), snapshot(90, 21.5, -300, 300)) is None
    assert stated(snapshot(90, 20.5, -110, -110), snapshot(90, 21.5, -300, 300, book="b")) == pytest.approx(0.5)


def test_several_books_count_as_their_mean() -> None:
    books = (snapshot(90, 20.5, -110, -110), snapshot(80, 20.5, -300, 300, book="b"))
    assert stated(*books) == pytest.approx((0.5 + 0.75) / 2)


@pytest.mark.parametrize(("over", "under"), [(None, -110.0), (-110.0, None), (50.0, -110.0)])
def test_half_a_price_says_nothing(over: float | None, under: float | None) -> None:
    assert stated(snapshot(90, 20.5, over, under)) is None


def test_a_row_without_a_line_has_no_price() -> None:
    assert stated(snapshot(90, 20.5, -110, -110), line=None) is None
