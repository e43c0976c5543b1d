"""The price that belongs to the line that stood at the cut-off, and to no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from features.table.line_prices import closing_lines, line_prices, line_probabilities

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


def priced(*snapshots: dict[str, Any], line: float | None = 20.5) -> tuple[float | None, float | None]:
    times = dict.fromkeys(("captured_at", "tip_off_at"), pl.Datetime("us", "UTC"))
    frame = pl.DataFrame(
        list(snapshots), schema_overrides=times | {"over_price": pl.Float64, "under_price": pl.Float64}
    )
    rows = pl.DataFrame(
        {"game_id": ["0022300001"], "player_id": [1], "line": [line]}, schema_overrides={"line": pl.Float64}
    )
    found = line_prices(frame, GAMES, rows, 60).row(0)
    return found[0], found[1]


def test_the_price_of_a_side_is_the_middle_one_of_the_books_that_have_the_line() -> None:
    books = [snapshot(90, 20.5, over, -110, book=book) for book, over in zip("abc", (-130, -105, 120), strict=True)]
    assert priced(*books) == (-105, -110)
    assert priced(*books, snapshot(90, 21.5, 300, 300, book="d")) == (-105, -110)


def test_of_two_books_the_lower_price_counts_because_their_mean_is_none() -> None:
    """-105 and +105: 0 is no American price; -105 could be had."""
    assert priced(snapshot(90, 20.5, 105, 105), snapshot(90, 20.5, -105, 110, book="b")) == (-105, 105)


def test_a_side_has_its_price_though_the_other_has_none() -> None:
    assert priced(snapshot(90, 20.5, None, -115), snapshot(90, 20.5, 50, None, book="b")) == (None, -115)


def test_a_price_of_after_the_cut_off_does_not_count() -> None:
    """Plant of failure 15: a snapshot of after tip-off pays better, and is not there for anybody who bets before."""
    early, late, live = snapshot(60, 20.5, -110, -110), snapshot(59, 20.5, 400, 400), snapshot(-5, 20.5, 900, 900)
    assert priced(early, late, live) == (-110, -110)
    assert priced(late, live) == (None, None)


def test_rows_with_different_lines_of_one_player_game_have_their_own_prices() -> None:
    frame = pl.DataFrame(
        [snapshot(90, 20.5, -110, -110), snapshot(90, 21.5, 150, -180, book="b")],
        schema_overrides=dict.fromkeys(("captured_at", "tip_off_at"), pl.Datetime("us", "UTC")),
    )
    lines = [21.5, 20.5, 22.5, 21.5]
    rows = pl.DataFrame({"game_id": ["0022300001"] * 4, "player_id": [1] * 4, "line": lines})
    assert line_prices(frame, GAMES, rows, 60)["over_price"].to_list() == [150, -110, None, 150]


def test_the_closing_line_is_the_books_last_by_tip_off() -> None:
    frame = pl.DataFrame(
        [
            *(snapshot(90, 20.5, -110, -110), snapshot(10, 21.5, -110, -110), snapshot(-1, 30.5, -110, -110)),
            *(snapshot(90, 20.5, -110, -110, book="b"), snapshot(120, 24.5, -110, -110, book="c")),
        ],
        schema_overrides=dict.fromkeys(("captured_at", "tip_off_at"), pl.Datetime("us", "UTC")),
    )
    rows = pl.DataFrame({"game_id": ["0022300001"] * 2, "player_id": [1, 2]})
    assert closing_lines(frame, GAMES, rows).to_list() == [21.5, None]
