"""Every monitor has a drill, and every drill fires; the database itself is only read."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.database import open_database
from contracts.errors import UnavailableError, UsageError
from contracts.settings import MonitorsSettings, Settings
from monitoring.drills.drill import Drilled, drill
from monitoring.drills.plants import PLANTS, Plant
from monitoring.drills.stage import open_stage
from monitoring.monitors.catalog import MONITORS

SETTINGS = Settings(monitors=MonitorsSettings(min_rows=30, min_graded=200, max_model_dates=20))
"""A league of ten teams has few rows a date."""


@pytest.fixture(scope="module")
def league(tmp_path_factory: pytest.TempPathFactory, make_league: Callable[..., Path]) -> Path:
    """The database of a league of ten teams, built."""
    return make_league(tmp_path_factory.mktemp("drills"), n_teams=10, regular_games=24)


@pytest.fixture
def engine_of_league(league) -> Iterator[sa.Engine]:
    engine = open_database(f"sqlite:///{league}")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def drills(league) -> dict[str, Drilled]:
    """Every monitor's drill."""
    engine = open_database(f"sqlite:///{league}")
    found = {each.monitor: each for each in drill(engine, SETTINGS, list(MONITORS))}
    engine.dispose()
    return found


def one(engine: sa.Engine, name: str, settings: Settings = SETTINGS) -> Drilled:
    (found,) = drill(engine, settings, [name])
    return found


def test_every_monitor_has_a_drill():
    assert list(PLANTS) == list(MONITORS)


@pytest.mark.parametrize("name", MONITORS)
def test_the_drill_of_each_monitor_is_quiet_before_its_fault_and_fires_after(drills, name):
    found = drills[name]
    assert found.was_quiet, found.before
    assert found.is_passed, found.after
    assert found.message.startswith(f"{name} is ")
    assert found.n_looks <= SETTINGS.monitors.degrade_after


def test_without_a_fault_no_monitor_fires(engine_of_league, tmp_path):
    with open_stage(engine_of_league, SETTINGS, tmp_path) as stage:
        told = [finding for day in (*stage.quiet, *stage.faulty) for finding in stage.look(day).findings]
    assert told == []


def test_without_its_fault_a_drill_fails(engine_of_league, monkeypatch):
    monkeypatch.setitem(PLANTS, "bias", Plant("nothing", lambda _stage: None))
    found = one(engine_of_league, "bias")
    assert (found.was_quiet, found.is_passed, found.message) == (True, False, None)


def test_an_alarm_that_stood_before_the_fault_proves_nothing(drills):
    found = drills["too_good"]
    loud = replace(found, before=dict.fromkeys(found.before, "degraded"))
    assert (found.is_passed, loud.is_passed) == (True, False)


def test_a_monitor_that_measured_nothing_before_does_not_pass(drills):
    found = replace(drills["coverage"], before={})
    assert not found.is_passed


def test_a_drill_writes_nothing_into_the_database(league, tmp_path):
    copy = tmp_path / "tipoff.db"
    shutil.copy(league, copy)
    engine = open_database(f"sqlite:///{copy}")
    before = sha256(copy.read_bytes()).hexdigest()
    one(engine, "too_good")
    engine.dispose()
    assert sha256(copy.read_bytes()).hexdigest() == before
    assert list(tmp_path.iterdir()) == [copy]


def test_where_nothing_is_built_a_drill_says_what_to_do(engine):
    with pytest.raises(UnavailableError) as raised:
        one(engine, "bias")
    assert "tipoff features backfill" in str(raised.value)


def test_too_few_rows_are_refused_with_what_is_needed(world):
    with pytest.raises(UnavailableError, match="game dates in a row have 500"):
        one(world.engine, "bias", Settings(monitors=MonitorsSettings(min_rows=500)))


def test_an_unknown_monitor_is_a_usage_error(engine):
    with pytest.raises(UsageError, match="'nonsense' is not a monitor"):
        one(engine, "nonsense")


def test_a_database_on_a_server_is_not_copied(postgres):
    with pytest.raises(UsageError, match="TIPOFF_HOME"):
        one(postgres, "bias")
