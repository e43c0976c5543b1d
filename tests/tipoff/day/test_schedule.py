"""The schedule: once a day at its time, late rather than never, again where it failed, and loud where it died."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from contracts import clock
from contracts.clock import LEAGUE_ZONE
from contracts.database import writing
from contracts.settings import CoordinatorSettings, DailySettings, DailySource, Settings
from contracts.tables import job_runs
from serving.freshness import Freshness
from tests.tipoff.conftest import wait_until
from tests.tipoff.day.conftest import Place
from tipoff.commands.ingest import FILE_KINDS
from tipoff.coordinator.routine import Routine
from tipoff.day.cycle import lock_path
from tipoff.day.schedule import DaySchedule, is_due
from tipoff.day.turn import one_at_a_time

AT = DailySettings(at="10:30", retry_minutes=30)


def new_york(hour: int, minute: int, day: int = 1) -> datetime:
    return datetime(2024, 3, day, hour, minute, tzinfo=LEAGUE_ZONE)


@pytest.mark.parametrize(
    ("now", "latest", "expected"),
    [
        (new_york(10, 29), None, False),
        (new_york(10, 30), None, True),
        (new_york(23, 59), None, True),  # whoever was down at 10:30
        (new_york(10, 45), new_york(10, 30), False),
        (new_york(11, 0), new_york(10, 30), True),
    ],
)
def test_a_day_that_is_not_done_is_due_from_its_time_on_and_again_after_a_pause(
    now: datetime, latest: datetime | None, expected: bool
) -> None:
    assert is_due(AT, now, latest) is expected


def test_without_a_time_it_is_never_due() -> None:
    assert not is_due(DailySettings(), new_york(12, 0), None)


def test_its_time_holds_in_summer_and_in_winter() -> None:
    for month in (1, 7):
        moment = datetime(2024, month, 1, 10, 30, tzinfo=LEAGUE_ZONE)
        assert is_due(AT, moment, None)
        assert not is_due(AT, moment - timedelta(minutes=1), None)


def test_a_time_that_yaml_read_as_a_number_is_the_time_that_was_written() -> None:
    assert DailySettings(at=630).at == "10:30"  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["24:00", "10", 10_000, True])
def test_what_is_no_time_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        DailySettings(at=wrong)  # type: ignore[arg-type]


def test_the_sources_of_a_day_are_the_kinds_of_ingest() -> None:
    kinds = set(DailySource.model_fields["kind"].annotation.__args__)  # type: ignore[union-attr]
    assert kinds == {*FILE_KINDS, "nba-api"}


@pytest.mark.parametrize(
    "source", [{"kind": "nba-api", "path": "x"}, {"kind": "schedule"}, {"kind": "odds", "path": "x"}]
)
def test_a_source_that_cannot_be_asked_is_refused(source: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        DailySource.model_validate(source)


@pytest.fixture
def schedule(place: Place, monkeypatch: pytest.MonkeyPatch) -> DaySchedule:
    """A schedule over the place, whose processes are those of its home."""
    for name, value in place.shell.environment.items():
        monkeypatch.setenv(name, value)
    tools = place.tools()
    return DaySchedule(place.engine, tools.home, Settings(daily=AT))


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=LEAGUE_ZONE)


def ended(schedule: DaySchedule) -> Callable[[], bool]:
    return lambda: schedule._process is None or schedule._process.poll() is not None


@pytest.mark.slow
def test_the_day_is_started_once_as_a_process_of_its_own_and_leaves_its_words(
    place: Place, schedule: DaySchedule
) -> None:
    with clock.moved_to(at(place.today, 10)):
        schedule.look()
        assert schedule._process is None, "not yet"
    with clock.moved_to(at(place.today, 14)):
        schedule.look()
        wait_until(ended(schedule), 120)
        schedule.look()
        schedule.look()
    assert place.runs("day") == [(place.today, "done")]
    assert "predict" in schedule.log_path.read_text()
    assert place.alarms() == []


def test_a_day_that_is_done_or_runs_is_not_started(place: Place, schedule: DaySchedule) -> None:
    with clock.moved_to(at(place.today, 14)):
        with one_at_a_time(lock_path(place.tools().home), "the day"):
            schedule.look()
        assert schedule._process is None
        with writing(place.engine) as connection:
            done = {"job": "day", "game_date": place.today, "state": "done", "started_at": at(place.today, 9)}
            connection.execute(sa.insert(job_runs).values(**done))
        schedule.look()
        assert schedule._process is None


@pytest.mark.slow
def test_a_day_that_was_killed_is_an_alarm_and_is_started_again_after_the_pause(
    place: Place, schedule: DaySchedule
) -> None:
    with clock.moved_to(at(place.today, 14)):
        schedule.look()
        assert schedule._process is not None
        schedule._process.send_signal(signal.SIGKILL)
        wait_until(ended(schedule), 30)
        schedule.look()
        assert place.alarms() == [("day_died", place.today.isoformat())]
        assert schedule._process is None, "not at once"
    with clock.moved_to(at(place.today, 15)):
        schedule.look()
        wait_until(ended(schedule), 120)
        schedule.look()
    assert place.runs("day")[-1] == (place.today, "done")
    assert place.alarms() == []


def test_the_coordinators_routine_looks_at_what_others_want_by_the_clock(place: Place) -> None:
    looked: list[int] = []

    def fail() -> None:
        looked.append(1)
        raise OSError("no more processes")

    limits = CoordinatorSettings(relay_seconds=0.01, reconcile_seconds=0.05)
    settings = Settings(coordinator=limits)
    freshness = Freshness(place.engine, settings)
    routine = Routine(
        place.engine, settings, [], lambda: None, freshness, by_the_clock=[fail, lambda: looked.append(2)]
    )
    routine.start()
    wait_until(lambda: looked.count(2) >= 2, 30)
    assert routine.fault() is None, "what fails once is looked at again"
    routine.stop()
    assert sys.exc_info()[0] is None


def test_the_sources_are_told_by_config(inside_at: Callable[..., Any], tmp_path: Path) -> None:
    told = inside_at(tmp_path, TIPOFF_DAILY__SOURCES="[{kind: schedule, path: drop/s.csv}]").done("config")
    assert told["settings"]["daily.sources"] == {
        "value": [{"kind": "schedule", "path": "drop/s.csv"}],
        "from": "TIPOFF_DAILY__SOURCES",
    }
