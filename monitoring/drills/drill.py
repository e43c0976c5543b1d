"""A drill: quiet dates are watched, a fault is planted on the copy, and its monitor must fire."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from contracts.errors import UsageError
from contracts.settings import Settings
from monitoring.drills.plants import PLANTS
from monitoring.drills.stage import Stage, open_stage
from monitoring.monitors.catalog import MONITORS
from monitoring.states import State
from monitoring.watch import Watched


@dataclass(frozen=True)
class Drilled:
    """What a drill showed: the monitor's subjects and their states before the fault and after it.

    `fired_on` is the date of the first alarm of a subject that had none before, `n_looks` how many dates after the
    fault were looked at until then, and `message` what the alarm says; all None where none came.
    """

    monitor: str
    fault: str
    planted_on: date
    before: Mapping[str, str]
    after: Mapping[str, str]
    fired_on: date | None
    n_looks: int | None
    message: str | None

    @property
    def was_quiet(self) -> bool:
        """Whether the monitor measured something before the fault with which nothing was wrong."""
        return any(not State(state).is_alarm for state in self.before.values())

    @property
    def is_passed(self) -> bool:
        """Whether it was quiet before and fired after."""
        return self.was_quiet and self.fired_on is not None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        plain = {**vars(self), "planted_on": self.planted_on.isoformat(), "passed": self.is_passed}
        return plain | {"fired_on": self.fired_on.isoformat() if self.fired_on else None}


def drill(engine: sa.Engine, settings: Settings, names: Sequence[str]) -> Iterator[Drilled]:
    """The drill of each monitor of `names`, each on a copy of the database of `engine`, which is only read.

    Raises UsageError for an unknown monitor, and what open_stage raises where there is nothing to copy.
    """
    unknown = [name for name in names if name not in PLANTS]
    if unknown:
        raise UsageError(f"{unknown[0]!r} is not a monitor.", remedy=f"Choose one of {', '.join(MONITORS)}, or all.")
    with tempfile.TemporaryDirectory(prefix="tipoff-drill-") as made, open_stage(engine, settings, Path(made)) as stage:
        for day in stage.quiet:
            before = stage.look(day)
        for name in names:
            with stage.twin(Path(made)) as twin:
                yield _run(twin, name, before)


def _run(stage: Stage, name: str, quiet: Watched) -> Drilled:
    plant, before = PLANTS[name], _states(quiet, name)
    plant.plant(stage)
    fired_on = n_looks = message = None
    for n, day in enumerate(stage.faulty, start=1):
        watched = stage.look(day)
        told = [
            finding.message
            for finding in watched.findings
            if finding.name == name and not State(before.get(finding.subject, State.HEALTHY)).is_alarm
        ]
        if told:
            fired_on, n_looks, message = day, n, told[0]
            break
    return Drilled(name, plant.what, stage.first, before, _states(watched, name), fired_on, n_looks, message)


def _states(watched: Watched, name: str) -> dict[str, str]:
    """Subject -> state, of the monitor's subjects."""
    return {subject: str(each.state) for (monitor, subject), each in watched.states.items() if monitor == name}
