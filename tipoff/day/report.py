"""What a day came to: its steps, its state, and the days that it caught up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from contracts.errors import RefusedError
from contracts.jobs import DONE, FAILED
from monitoring.alarms import Finding
from tipoff.day.steps import Outcome

NO_GAMES = "no_games"


@dataclass(frozen=True)
class DayReport:
    """How the steps of a date ended; `has_games` as its schedule stands after them."""

    game_date: date
    steps: Sequence[Outcome]
    has_games: bool
    caught_up: Sequence[DayReport] = ()

    @property
    def failed(self) -> list[Outcome]:
        """The steps of this date that failed."""
        return [step for step in self.steps if step.is_failed]

    @property
    def state(self) -> str:
        """failed, no_games or done."""
        return FAILED if self.failed else DONE if self.has_games else NO_GAMES

    @property
    def exit_code(self) -> int:
        """0; 3 where everything that failed was refused by a rule, as a coverage that falls short; else 1."""
        codes = [step.exit_code for day in (self, *self.caught_up) for step in day.failed]
        if not codes:
            return 0
        return RefusedError.exit_code if set(codes) == {RefusedError.exit_code} else 1

    @property
    def findings(self) -> list[Finding]:
        """An alarm for each step that failed, those of the days caught up first."""
        return [_finding(day.game_date, step) for day in (*self.caught_up, self) for step in day.failed]

    @property
    def detail(self) -> str:
        """What failed, or how many steps there were, in a sentence."""
        if self.failed:
            return " ".join(f"{step.name}: {step.detail}" for step in self.failed)
        return f"{len(self.steps)} steps." if self.has_games else f"No games. {len(self.steps)} steps."

    def to_json(self) -> dict[str, Any]:
        """Plain values: game_date, state, steps, caught_up."""
        return {
            "game_date": self.game_date.isoformat(),
            "state": self.state,
            "steps": [step.to_json() for step in self.steps],
            "caught_up": [day.to_json() for day in self.caught_up],
        }


def _finding(game_date: date, step: Outcome) -> Finding:
    again = f"tipoff day --date {game_date}"
    message = f"Step {step.name} of {game_date} failed: {step.detail}"
    return Finding(f"{step.name}_failed", game_date.isoformat(), message, step.remedy or again)
