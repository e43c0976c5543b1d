"""Job runs: each thing that runs by itself writes down that it began and how it ended, so that silence can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.errors import TipoffError
from contracts.tables import job_runs

RUNNING, DONE, SKIPPED, FAILED = "running", "done", "skipped", "failed"


@dataclass
class JobRun:
    """One run of a job, as it goes: `detail` in a sentence and `figures` by name are what it leaves behind.

    A job that finds nothing to do sets `state` to skipped and says why.
    """

    job: str
    game_date: date | None
    state: str = RUNNING
    detail: str | None = None
    figures: dict[str, Any] = field(default_factory=dict)

    def skip(self, why: str) -> None:
        """There was nothing to do."""
        self.state, self.detail = SKIPPED, why


@contextmanager
def job_run(engine: sa.Engine, job: str, game_date: date | None = None) -> Iterator[JobRun]:
    """Keep that `job` began, and, when the block ends, how: done, skipped, or failed where the block raises.

    A run that was killed stays running: whoever reads it knows by its age.
    """
    run = JobRun(job, game_date)
    with writing(engine) as connection:
        begun = sa.insert(job_runs).values(job=job, game_date=game_date, state=RUNNING, started_at=clock.now())
        run_id = connection.execute(begun.returning(job_runs.c.run_id)).scalar_one()
    try:
        yield run
    except BaseException as error:
        run.state = FAILED
        run.detail = error.message if isinstance(error, TipoffError) else f"{type(error).__name__}: {error}"
        raise
    else:
        run.state = DONE if run.state == RUNNING else run.state
    finally:
        ended = {"state": run.state, "detail": run.detail, "figures": run.figures, "ended_at": clock.now()}
        with writing(engine) as connection:
            connection.execute(sa.update(job_runs).where(job_runs.c.run_id == run_id).values(ended))


def latest_run(
    engine: sa.Engine, job: str, game_date: date | None = None, state: str | None = None
) -> dict[str, Any] | None:
    """The newest run of `job` (about `game_date` and in `state`, where given), as plain values; None: there is none."""
    query = sa.select(job_runs).where(job_runs.c.job == job).order_by(job_runs.c.run_id.desc()).limit(1)
    if game_date is not None:
        query = query.where(job_runs.c.game_date == game_date)
    if state is not None:
        query = query.where(job_runs.c.state == state)
    with engine.connect() as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def age_seconds(moment: datetime) -> float:
    """Seconds from `moment` to now."""
    return (clock.now() - moment).total_seconds()
