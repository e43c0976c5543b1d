"""A look reads everything, keeps what it read, and raises an alarm that resolves by itself."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from contracts.settings import MonitorsSettings, Settings
from contracts.tables import monitor_readings, player_games
from monitoring.alarms import standing_alarms
from monitoring.monitors.catalog import MONITORS
from monitoring.states import State
from monitoring.watch import watch

SETTINGS = Settings()


def test_an_empty_database_is_looked_at_and_nothing_is_called_healthy(engine):
    found = watch(engine, SETTINGS, date(2024, 1, 10))
    assert {each.monitor for each in found.readings} == set(MONITORS)
    assert {each.monitor for each in found.readings if each.is_measured} == {"queue_depth"}
    assert (found.findings, found.actions, found.down) == ([], [], {})
    assert all("Not measured: " in each.detail for each in found.readings if not each.is_measured)


def test_a_look_twice_leaves_what_one_leaves(world):
    day = world.last_day()
    first = watch(world.engine, SETTINGS, day)
    again = watch(world.engine, SETTINGS, day)
    assert (again.states, again.findings) == (first.states, first.findings)
    with world.engine.connect() as connection:
        kept = connection.execute(sa.select(sa.func.count()).select_from(monitor_readings)).scalar_one()
    assert kept == len(first.readings)


def test_a_date_nobody_predicted_is_blocked_at_once_and_resolves(world):
    day = world.last_day()
    found = watch(world.engine, SETTINGS, day)
    assert found.states["coverage", "slate"].state == State.BLOCKED
    (finding,) = [each for each in found.findings if each.name == "coverage"]
    assert "0 of" in finding.message
    assert finding.remedy == f"tipoff batch start --game-date {day}"
    world.say(world.rows(day))
    settings = Settings(monitors=MonitorsSettings(heal_after=1))
    healed = watch(world.engine, settings, day)
    assert healed.states["coverage", "slate"].state == State.HEALTHY
    assert "coverage" not in {alarm["name"] for alarm in standing_alarms(world.engine)}


def test_missing_results_degrade_after_some_dates_and_the_action_is_told(world):
    days = world.rows()["game_date"].unique().sort().to_list()[-4:]
    world.forget_results(player_games.c.game_date == days[0])
    settings = Settings(monitors=MonitorsSettings(actions={"freshness": "retrain"}))
    told = [watch(world.engine, settings, day) for day in days[1:]]
    assert [str(each.states["freshness", "results"].state) for each in told] == ["watch", "watch", "degraded"]
    assert [action.kind for action in told[-1].actions if action.monitor == "freshness"] == ["retrain", "retrain"]
    assert ("freshness", "results") in {(alarm["name"], alarm["subject"]) for alarm in standing_alarms(world.engine)}


def test_a_service_that_is_down_is_said_and_the_others_are_looked_at(world):
    found = watch(world.engine, SETTINGS, world.last_day(), service=lambda: {"http://gone": None})
    assert list(found.down) == ["registry_vs_service"]
    assert "http://gone does not answer" in found.down["registry_vs_service"].message
    assert any(each.is_measured for each in found.readings)


@pytest.mark.parametrize("offset", [1, 400, -4000])
def test_a_date_without_games_is_looked_at(world, offset):
    found = watch(world.engine, SETTINGS, world.last_day() + timedelta(days=offset))
    assert [each for each in found.readings if each.is_bad and each.monitor != "freshness"] == []


def test_predictions_of_dates_that_the_model_has_seen_are_not_judged(world):
    day = world.last_day()
    world.say(world.rows(day), train_to=day)
    found = watch(world.engine, SETTINGS, day)
    assert {each.value for each in found.readings if each.monitor == "prediction_drift"} == {None}


def test_a_server_is_looked_at_as_a_file_is(postgres):
    found = watch(postgres, SETTINGS, date(2024, 1, 10))
    assert {each.monitor for each in found.readings} == set(MONITORS)
    assert found.down == {}
