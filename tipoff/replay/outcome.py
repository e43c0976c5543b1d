"""What a replay came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from contracts.errors import RefusedError
from contracts.jobs import DONE, FAILED
from registry.versions import ModelVersion
from tipoff.day.report import NO_GAMES
from tipoff.day.steps import Outcome
from tipoff.replay.leaks import Comparison

BACKFILL = "backfill"
"""The label of everything that a replay says: it is said after tip-off."""


@dataclass(frozen=True)
class ReplayedDay:
    """How a date went: the version that answered, and how each step ended."""

    game_date: date
    version: ModelVersion
    steps: Sequence[Outcome]
    seconds: float

    def figure(self, step: str, name: str) -> Any:
        """A figure of a step; 0 where the step did not come to it."""
        return next((each.figures.get(name, 0) for each in self.steps if each.name == step), 0)


@dataclass(frozen=True)
class Graded:
    """The grades of a date: their label, how many predictions met a result, and their mean absolute error."""

    label: str = BACKFILL
    n: int = 0
    mae: float | None = None


@dataclass(frozen=True)
class Replay:
    """Every date of a span, the day after the last, and the rows that were predicted from beside the real table's.

    `trained` are the versions that had to be trained; `database` is the twin's file.
    """

    days: Sequence[ReplayedDay]
    closing: Sequence[Outcome]
    comparisons: Sequence[Comparison]
    graded: Mapping[date, Graded]
    trained: Sequence[int]
    database: str
    seconds: float

    @property
    def leaks(self) -> int:
        """Facts and rows that knew too much when a date was predicted, and cells that differ without a reason."""
        known = sum(int(day.figure("no_leak", "leaks")) for day in self.days)
        return known + sum(comparison.unexplained for comparison in self.comparisons)

    @property
    def failures(self) -> list[tuple[str, Outcome]]:
        """The steps that failed, each with its date or, of the day after the last, 'closing'."""
        return [(when, step) for when, step in self._outcomes() if step.is_failed]

    @property
    def state(self) -> str:
        """no_games, failed or done."""
        if not self.days:
            return NO_GAMES
        return FAILED if self.exit_code else DONE

    @property
    def exit_code(self) -> int:
        """1 for a leak or a failure; 3 where a rule alone refused, as a coverage that falls short; else 0."""
        codes = {step.exit_code for _, step in self.failures}
        if self.leaks or codes - {RefusedError.exit_code}:
            return 1
        return RefusedError.exit_code if codes else 0

    def to_json(self) -> dict[str, Any]:
        """Plain values: state, days, leaks, compared, failed, trained, database, seconds."""
        return {
            "state": self.state,
            "days": [self._day(day) for day in self.days],
            "leaks": self.leaks,
            "compared": [comparison.to_json() for comparison in self.comparisons],
            "failed": [f"{when}: {step.name}: {step.detail}" for when, step in self.failures],
            "trained": list(self.trained),
            "database": self.database,
            "seconds": self.seconds,
        }

    def _outcomes(self) -> Iterator[tuple[str, Outcome]]:
        for day in self.days:
            yield from ((day.game_date.isoformat(), step) for step in day.steps)
        yield from (("closing", step) for step in self.closing)

    def _day(self, day: ReplayedDay) -> dict[str, Any]:
        grades = self.graded.get(day.game_date, Graded())
        return {
            "date": day.game_date.isoformat(),
            "label": grades.label,
            "model_version": day.version.version,
            "system": day.version.system,
            "train_to": day.version.train_to.isoformat() if day.version.train_to else None,
            "expected": int(day.figure("predict", "expected")),
            "predicted": int(day.figure("predict", "predicted")),
            "coverage": float(day.figure("predict", "coverage")),
            "graded": grades.n,
            "mae": grades.mae,
            "seconds": day.seconds,
        }
