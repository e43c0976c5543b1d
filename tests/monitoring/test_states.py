"""States move with hysteresis: one bad reading never makes an alarm, and a fault that stays always does."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.settings import MonitorsSettings
from monitoring.memory import fold
from monitoring.states import MOVES, Patience, Standing, State, follow

FIRST = date(2024, 1, 1)
PATIENCE = Patience(degrade_after=3, block_after=5, heal_after=2)
WORST_FIRST = Patience(degrade_after=3, block_after=5, heal_after=2, blocks=lambda value: value == 0)


def readings(verdicts: str, value: float = 1.0) -> list[tuple[date, float, bool]]:
    """'bg' -> a bad one, then a good one, a day apart."""
    return [(FIRST + timedelta(days=place), value, verdict == "b") for place, verdict in enumerate(verdicts)]


def states(verdicts: str, patience: Patience = PATIENCE, value: float = 1.0) -> list[str]:
    every = readings(verdicts, value)
    return [str(fold(every[: n + 1], patience).state) for n in range(len(every))]


@pytest.mark.parametrize(
    ("verdicts", "last"),
    [
        ("g", "healthy"),
        ("b", "watch"),
        ("bb", "watch"),
        ("bbb", "degraded"),
        ("bbbb", "degraded"),
        ("bbbbb", "blocked"),
        ("bg", "watch"),
        ("bgg", "healthy"),
        ("bgbgbgb", "watch"),
        ("bbbg", "degraded"),
        ("bbbgb", "degraded"),
        ("bbbgg", "healthy"),
        ("bbbbbg", "blocked"),
        ("bbbbbgg", "healthy"),
    ],
)
def test_so_many_in_a_row_move_a_subject(verdicts, last):
    assert states(verdicts)[-1] == last


def test_a_monitor_may_block_at_once_by_its_value():
    assert states("b", WORST_FIRST, value=0.0) == ["blocked"]
    assert states("b", WORST_FIRST, value=0.5) == ["watch"]


def test_a_state_says_since_when_it_holds():
    assert fold(readings("gbbbb"), PATIENCE) == Standing(
        State.DEGRADED, FIRST + timedelta(days=3), n_bad=4, n_good=0, game_date=FIRST + timedelta(days=4)
    )


def test_nothing_measured_is_no_state():
    assert fold([], PATIENCE) is None


def test_a_monitor_can_have_a_patience_of_its_own():
    settings = MonitorsSettings(degrade_after_of={"coverage": 2})
    assert Patience.of("coverage", settings, None).degrade_after == 2
    assert Patience.of("bias", settings, None).degrade_after == settings.degrade_after


@given(st.text("bg", min_size=1, max_size=60))
def test_every_step_is_a_move_of_the_table_and_alarms_need_bad_readings_in_a_row(verdicts):
    seen = ["healthy", *states(verdicts)]
    for before, after in pairwise(seen):
        assert before == after or State(after) in MOVES[State(before)]
    if "bbb" not in verdicts:
        assert not {"degraded", "blocked"} & set(seen)
    if verdicts.endswith("bbb"):
        assert State(seen[-1]).is_alarm


@given(st.text("bg", min_size=2, max_size=30), st.integers(1, 29))
def test_a_standing_holds_all_that_later_steps_need(verdicts, cut):
    every = readings(verdicts)
    before = fold(every[:cut], PATIENCE)
    for game_date, value, is_bad in every[cut:]:
        before = follow(before, game_date, value, is_bad, PATIENCE)
    assert before == fold(every, PATIENCE)
