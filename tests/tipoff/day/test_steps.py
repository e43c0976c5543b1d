"""Steps: a failure stops those alone that need it, and a day says which and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy as sa

from contracts.errors import RefusedError, UnavailableError
from contracts.jobs import JobRun, latest_run
from tipoff.day.report import DayReport
from tipoff.day.steps import Outcome, Step, run_steps

DAY = date(2024, 3, 1)


def done(_day: date, run: JobRun) -> None:
    run.detail, run.figures = "Did it.", {"rows": 3}


def down(_day: date, run: JobRun) -> None:
    run.figures = {"rows": 0}
    raise UnavailableError("The source is down.", remedy="Wait.")


def defect(_day: date, _run: JobRun) -> None:
    raise ZeroDivisionError("by zero")


def test_a_failed_step_stops_those_that_need_it_and_no_other(engine: sa.Engine) -> None:
    steps = [Step("build", down), Step("predict", done, needs=("build",)), Step("grade", done)]
    told = {outcome.name: outcome for outcome in run_steps(engine, steps, DAY)}
    assert {name: outcome.state for name, outcome in told.items()} == {
        "build": "failed",
        "predict": "skipped",
        "grade": "done",
    }
    assert told["predict"].detail == "It needs build, which failed."
    assert (told["build"].detail, told["build"].remedy, told["build"].figures) == (
        "The source is down.",
        "Wait.",
        {"rows": 0},
    )


def test_every_step_is_a_job_that_keeps_how_it_ended(engine: sa.Engine) -> None:
    run_steps(engine, [Step("build", down), Step("predict", done, needs=("build",)), Step("grade", done)], DAY)
    kept = {name: latest_run(engine, f"day.{name}", DAY) for name in ("build", "predict", "grade")}
    assert {name: run["state"] for name, run in kept.items()} == {
        "build": "failed",
        "predict": "skipped",
        "grade": "done",
    }
    assert kept["grade"]["figures"] == {"rows": 3}


def test_a_defect_in_a_step_is_a_failure_of_that_step_alone(engine: sa.Engine) -> None:
    told = run_steps(engine, [Step("build", defect), Step("grade", done)], DAY)
    assert [(each.state, each.detail) for each in told] == [
        ("failed", "ZeroDivisionError: by zero"),
        ("done", "Did it."),
    ]


def test_a_database_that_does_not_answer_ends_the_day_since_nothing_could_be_kept(engine: sa.Engine) -> None:
    def locked(_day: date, _run: JobRun) -> None:
        raise sa.exc.OperationalError("INSERT", {}, Exception("database is locked"))

    with pytest.raises(sa.exc.OperationalError):
        run_steps(engine, [Step("build", locked), Step("grade", done)], DAY)


@pytest.mark.parametrize(("codes", "expected"), [((), 0), ((3,), 3), ((3, 3), 3), ((1,), 1), ((3, 1), 1), ((2,), 1)])
def test_a_day_exits_3_where_a_rule_alone_refused_and_1_where_anything_failed(
    failed: Callable[..., Outcome], codes: tuple[int, ...], expected: int
) -> None:
    steps = [failed(f"step{place}", code) for place, code in enumerate(codes)]
    assert DayReport(DAY, steps, has_games=True).exit_code == expected
    missed = DayReport(DAY, steps, has_games=True)
    assert DayReport(DAY, [], has_games=True, caught_up=[missed]).exit_code == expected


def test_a_short_coverage_is_a_rule_that_refused() -> None:
    assert RefusedError.exit_code == 3


def test_a_day_without_games_that_did_its_work_is_no_games_and_one_that_failed_is_failed(
    failed: Callable[..., Outcome],
) -> None:
    fine = Outcome("grade", "done", None)
    assert DayReport(DAY, [fine], has_games=False).state == "no_games"
    assert DayReport(DAY, [fine, failed("build")], has_games=False).state == "failed"
    assert DayReport(DAY, [fine], has_games=True).state == "done"
