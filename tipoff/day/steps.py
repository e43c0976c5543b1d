"""The steps of a day: each runs as a job of its own and ends done, skipped or failed, with the reason."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from contracts.errors import TipoffError
from contracts.jobs import FAILED, SKIPPED, JobRun, job_run

Act = Callable[[date, JobRun], None]
"""Does what is left to do for a date, and checks it: returns where that holds, says `skip`, or raises."""

log = logging.getLogger("tipoff.day")


@dataclass(frozen=True)
class Step:
    """One step: its name, what it does, and the steps without which it makes no sense."""

    name: str
    act: Act
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a step ended; `exit_code` and `remedy` are those of its error."""

    name: str
    state: str
    detail: str | None
    seconds: float = 0.0
    figures: dict[str, Any] = field(default_factory=dict)
    exit_code: int = 0
    remedy: str | None = None

    @property
    def is_failed(self) -> bool:
        """Whether it did not do what it must."""
        return self.state == FAILED

    def to_json(self) -> dict[str, Any]:
        """Plain values: name, state, detail, seconds, figures."""
        return {name: getattr(self, name) for name in ("name", "state", "detail", "seconds", "figures")}


def run_steps(
    engine: sa.Engine, steps: Sequence[Step], game_date: date, before: Sequence[Outcome] = ()
) -> list[Outcome]:
    """How each of `steps` ended, in order; a failure stops those alone that need it, and they say so.

    `before` are steps that have ended already. Raises what the database raises where it does not answer: then nothing
    can be kept, and the same day is simply run again.
    """
    ended = {outcome.name: outcome for outcome in before}
    for step in steps:
        lost = [name for name in step.needs if name in ended and ended[name].is_failed]
        ended[step.name] = _leave_out(engine, step, game_date, lost) if lost else _run(engine, step, game_date)
    return list(ended.values())


def _leave_out(engine: sa.Engine, step: Step, game_date: date, lost: Sequence[str]) -> Outcome:
    why = f"It needs {' and '.join(lost)}, which failed."
    with job_run(engine, f"day.{step.name}", game_date) as run:
        run.skip(why)
    return Outcome(step.name, SKIPPED, why)


def _run(engine: sa.Engine, step: Step, game_date: date) -> Outcome:
    started, run = time.monotonic(), JobRun(step.name, game_date)
    try:
        with job_run(engine, f"day.{step.name}", game_date) as run:
            step.act(game_date, run)
    except sa.exc.OperationalError:
        raise
    except TipoffError as error:
        return _failed(step, run, started, error)
    except Exception as error:  # whatever a step does must not silence the others
        log.error("Step %s failed", step.name, exc_info=error)
        return _failed(step, run, started, TipoffError(f"{type(error).__name__}: {error}"))
    return Outcome(step.name, run.state, run.detail, _since(started), run.figures)


def _failed(step: Step, run: JobRun, started: float, error: TipoffError) -> Outcome:
    return Outcome(step.name, FAILED, error.message, _since(started), run.figures, error.exit_code, error.remedy)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
