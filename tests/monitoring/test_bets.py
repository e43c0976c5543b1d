"""What the predicted sides of lines would have won: each figure with its own N, hit rate beside its break-even."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from monitoring.bets import Bets, Mean, sum_up

DAY = date(2024, 3, 1)
SCHEMA = {
    "game_date": pl.Date,
    "predicted": pl.Float64,
    "line": pl.Float64,
    "line_verdict": pl.String,
    "price": pl.Float64,
    "profit": pl.Float64,
    "closing_line": pl.Float64,
}


def bet(verdict: str | None, price: float | None, profit: float | None, **changes: Any) -> dict[str, Any]:
    row = {"game_date": DAY, "predicted": 20.0, "line": 18.5, "line_verdict": verdict, "price": price, "profit": profit}
    return row | {"closing_line": None} | changes


def told(*rows: dict[str, Any]) -> Bets:
    return sum_up(pl.DataFrame(list(rows), schema=SCHEMA))


def test_hit_rate_is_of_won_and_lost_and_a_push_is_neither() -> None:
    found = told(bet("won", None, None), bet("lost", None, None), bet("won", None, None), bet("push", None, None))
    assert found.hit_rate == Mean(pytest.approx(2 / 3), 3, None)
    assert found.n_pushes == 1


def test_the_break_even_is_about_the_same_bets_as_the_hit_rate_beside_it() -> None:
    """-110 breaks even at 110/210, +150 at 0.4; the bet without a price counts in neither."""
    found = told(bet("won", -110, 100 / 110), bet("lost", 150, -1.0), bet("won", None, None))
    assert found.hit_rate == Mean(pytest.approx(2 / 3), 3, None)
    assert found.hit_rate_priced == Mean(0.5, 2, None)
    assert found.break_even == Mean(pytest.approx((110 / 210 + 0.4) / 2), 2, None)


def test_profit_is_a_bet_and_a_push_is_one_at_0() -> None:
    found = told(bet("won", -110, 100 / 110), bet("lost", -110, -1.0), bet("push", -110, 0.0), bet("won", None, None))
    assert found.profit == Mean(pytest.approx((100 / 110 - 1) / 3), 3, None)


def test_closing_line_value_is_the_movement_towards_the_prediction() -> None:
    """Over 18.5 and it closes at 19.5: +1; under 18.5 and it closes at 19.5: -1. Without a side: nothing."""
    over, under = bet("won", None, None, closing_line=19.5), bet("won", None, None, predicted=15.0, closing_line=19.0)
    no_side, none = bet(None, None, None, predicted=18.5, closing_line=30.0), bet("won", None, None)
    assert told(over).closing_line_value == Mean(1.0, 1, None)
    assert told(under).closing_line_value == Mean(-0.5, 1, None)
    assert told(over, under, no_side, none).closing_line_value == Mean(0.25, 2, None)


def test_an_interval_is_drawn_by_date() -> None:
    rows = [
        bet("won" if n % 3 else "lost", -110, 100 / 110 if n % 3 else -1.0, game_date=DAY + timedelta(days=n // 4))
        for n in range(40)
    ]
    found = told(*rows).hit_rate
    assert found is not None
    assert found.ci95 is not None
    assert found.ci95[0] < found.value < found.ci95[1]


def test_without_lines_there_is_nothing_and_no_zero() -> None:
    assert told(bet(None, None, None, line=None)) == Bets(0, None, None, None, None, None)
    assert told() == Bets(0, None, None, None, None, None)
