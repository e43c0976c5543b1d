"""Readings are kept once a date, and states follow from what is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from contracts.tables import monitor_readings
from monitoring.memory import newest_readings, remember, standings
from monitoring.readings import Reading, not_measured
from monitoring.states import Patience, State

DAY = date(2024, 1, 10)
PATIENCE = {"bias": Patience(2, 4, 2), "coverage": Patience(2, 4, 2)}


def reading(is_bad: bool, subject: str = "a v1", monitor: str = "bias") -> Reading:
    return Reading(monitor, subject, 1.0, 0.5, 10, is_bad, "told.")


def look(engine, offset: int, *readings: Reading):
    return remember(engine, DAY + timedelta(days=offset), readings, PATIENCE)


def n_readings(engine) -> int:
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(monitor_readings)).scalar_one()


def test_the_same_date_twice_counts_once(engine):
    for _ in range(3):
        found = look(engine, 0, reading(is_bad=True))
    assert (found["bias", "a v1"].state, found["bias", "a v1"].n_bad) == (State.WATCH, 1)
    assert n_readings(engine) == 1
    assert standings(engine) == found


def test_a_second_look_of_a_date_replaces_the_first(engine):
    look(engine, 0, reading(is_bad=True))
    look(engine, 1, reading(is_bad=True))
    found = look(engine, 1, reading(is_bad=False))
    assert (found["bias", "a v1"].state, found["bias", "a v1"].n_good) == (State.WATCH, 1)


def test_dates_looked_at_in_another_order_come_to_the_same(engine):
    for offset in (2, 0, 1):
        found = look(engine, offset, reading(is_bad=offset > 0))
    assert found["bias", "a v1"].state == State.DEGRADED
    assert found["bias", "a v1"].game_date == DAY + timedelta(days=2)


def test_what_was_not_measured_neither_heals_nor_harms(engine):
    look(engine, 0, reading(is_bad=True))
    look(engine, 1, reading(is_bad=True))
    before = standings(engine)
    for offset in (2, 3, 4):
        assert look(engine, offset, not_measured("bias", "a v1", "too few")) == before
    assert newest_readings(engine)[0]["game_date"] == DAY + timedelta(days=1)


def test_what_was_never_measured_has_no_state(engine):
    assert look(engine, 0, not_measured("bias", "a v1", "too few")) == {}


def test_a_version_that_was_replaced_loses_its_state_and_others_keep_theirs(engine):
    look(engine, 0, reading(is_bad=True), reading(is_bad=True, monitor="coverage", subject="slate"))
    found = look(engine, 1, not_measured("bias", "a v2", "too few"), not_measured("coverage", "", "no games"))
    assert set(found) == {("coverage", "slate")}


def test_a_monitor_that_names_nothing_forgets_nothing(engine):
    before = look(engine, 0, reading(is_bad=True))
    assert look(engine, 1, not_measured("bias", "", "nobody predicted")) == before


def test_a_bad_reading_without_a_value_cannot_be():
    with pytest.raises(ValueError, match="not measured"):
        Reading("bias", "a", None, 1.0, 0, is_bad=True, detail="")


def test_two_looks_at_once_on_a_server_follow_each_other(postgres):
    """Neither fails, and the date counts once."""
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: look(postgres, 0, reading(is_bad=True)), range(8)))
    assert {each["bias", "a v1"].n_bad for each in found} == {1}
    assert n_readings(postgres) == 1
