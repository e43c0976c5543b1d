"""The daily cycle: facts, rows, predictions, grades, what they tell, and a new model when it is due.

Each step is "expected minus done", so that a day that was killed, or failed, is simply run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from contracts.home import Home
from contracts.jobs import FAILED, JobRun, job_run
from contracts.tables import games
from monitoring.alarms import Finding, keep_alarms
from tipoff.day.build import build
from tipoff.day.catch_up import DAY, missed_dates
from tipoff.day.grade import grade
from tipoff.day.ingest import ingest
from tipoff.day.monitor import monitor
from tipoff.day.predict import predict
from tipoff.day.report import DayReport
from tipoff.day.retrain import retrain
from tipoff.day.steps import Outcome, Step, run_steps
from tipoff.day.tools import Tools
from tipoff.day.turn import one_at_a_time
from tipoff.day.write_report import report

ORIGIN = "day"
"""Whose alarms these are."""
ADVISORY_KEY = 7208
"""The number of PostgreSQL's advisory lock."""
SEASON_WAS_ON = timedelta(days=10)
"""So long after a game a schedule that knows no other may be one that nobody ingested."""


def run_day(tools: Tools, game_date: date) -> DayReport:
    """The day of `game_date`, after the days that were missed before it; whatever fails becomes an alarm.

    Raises RefusedError where a day runs already, and what the database raises where it does not answer.
    """
    with one_at_a_time(lock_path(tools.home), f"the day of {game_date}", tools.engine, ADVISORY_KEY):
        with job_run(tools.engine, DAY, game_date) as run:
            asked = run_steps(tools.engine, [Step("ingest", partial(ingest, tools))], game_date)
            most = tools.settings.daily.catch_up_days
            past = replace(tools, acts=False)
            caught_up = [_run_missed(past, missed) for missed in missed_dates(tools.engine, game_date, most)]
            steps = [*steps_of_a_date(tools), Step("retrain", partial(retrain, tools), needs=("build",))]
            told = _run(tools, steps, game_date, run, before=asked, caught_up=caught_up)
        keep_alarms(tools.engine, ORIGIN, [*told.findings, *_schedule_ends(tools.engine, game_date)])
    return told


def steps_of_a_date(tools: Tools) -> list[Step]:
    """What is done for every date, a missed one and a replayed one too."""
    return [
        Step("build", partial(build, tools)),
        Step("predict", partial(predict, tools), needs=("build",)),
        Step("grade", partial(grade, tools)),
        Step("monitor", partial(monitor, tools)),
        Step("report", partial(report, tools)),
    ]


def lock_path(home: Home) -> Path:
    """The file that a running day holds."""
    return home.root / "day.lock"


def _run_missed(tools: Tools, game_date: date) -> DayReport:
    with job_run(tools.engine, DAY, game_date) as run:
        return _run(tools, steps_of_a_date(tools), game_date, run)


def _run(
    tools: Tools,
    steps: Sequence[Step],
    game_date: date,
    run: JobRun,
    before: Sequence[Outcome] = (),
    caught_up: Sequence[DayReport] = (),
) -> DayReport:
    """The steps run, and how they ended kept as the day's."""
    ended = run_steps(tools.engine, steps, game_date, before)
    told = DayReport(game_date, ended, bool(tools.game_ids(game_date)), caught_up)
    run.detail = told.detail
    run.figures = {step.name: step.state for step in told.steps}
    if told.failed:
        run.state = FAILED
    return told


def _schedule_ends(engine: sa.Engine, game_date: date) -> list[Finding]:
    """An alarm where games were on lately and none is known from `game_date` on: nothing would run, and say nothing."""
    with engine.connect() as connection:
        last = connection.execute(sa.select(sa.func.max(games.c.game_date))).scalar()
    if last is None or not game_date - SEASON_WAS_ON <= last < game_date:
        return []
    message = (
        f"The last game that is known was on {last}: no schedule of {game_date} or later, unless the season is over."
    )
    return [Finding("schedule_ends", str(last), message, "tipoff ingest schedule PATH")]
