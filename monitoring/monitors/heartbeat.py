"""heartbeat: every job that ran once and should have run again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from contracts import clock
from contracts.jobs import FAILED
from contracts.settings import MonitorsSettings
from contracts.tables import job_runs
from monitoring.readings import Reading, not_measured
from monitoring.view import View

NAME = "heartbeat"


@dataclass(frozen=True)
class Beat:
    """When a job's newest run that did not fail began (None: all failed), and how many runs there are."""

    last: datetime | None
    n_runs: int


def read(view: View) -> list[Reading]:
    """A reading a job that ever ran and has a limit, and one for each limit whose job never ran."""
    return judge(_beats(view.engine), clock.now(), view.settings.monitors)


def judge(beats: Mapping[str, Beat], now: datetime, limits: MonitorsSettings) -> list[Reading]:
    """Bad where the last run that did not fail began longer ago than the job's limit, or all runs failed.

    `day.predict` has the limit of `day`. A job without a limit runs when somebody wants it, and is not waited for.
    """
    known = [(job, beat, limit) for job, beat in sorted(beats.items()) if (limit := _limit(job, limits)) is not None]
    silent = [job for job in sorted(limits.heartbeat_hours) if job not in beats]
    return [
        *(_reading(job, beat, limit, now) for job, beat, limit in known),
        *(not_measured(NAME, job, "it never ran", limit=limits.heartbeat_hours[job]) for job in silent),
    ]


def _reading(job: str, beat: Beat, limit: float, now: datetime) -> Reading:
    if beat.last is None:
        detail = f"{job}: all of its {beat.n_runs} runs failed."
        return Reading(NAME, job, float(beat.n_runs), limit, beat.n_runs, is_bad=True, detail=detail)
    hours = max((now - beat.last).total_seconds() / 3600, 0.0)
    detail = (
        f"{job}: its last run that did not fail began {hours:.1f} hours ago ({beat.last:%Y-%m-%d %H:%M} UTC), at most "
        f"{limit:g}; {beat.n_runs} runs."
    )
    return Reading(NAME, job, hours, limit, beat.n_runs, is_bad=hours > limit, detail=detail)


def _limit(job: str, limits: MonitorsSettings) -> float | None:
    return limits.heartbeat_hours.get(job, limits.heartbeat_hours.get(job.partition(".")[0]))


def _beats(engine: sa.Engine) -> dict[str, Beat]:
    run = job_runs.c
    began = sa.func.max(sa.case((run.state != FAILED, run.started_at)), type_=run.started_at.type)
    query = sa.select(run.job, began, sa.func.count()).where(run.started_at <= clock.now()).group_by(run.job)
    with engine.connect() as connection:
        return {job: Beat(last, n_runs) for job, last, n_runs in connection.execute(query)}
