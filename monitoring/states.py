"""States with hysteresis: how readings in a row move a subject between healthy, watch, degraded and blocked. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from contracts.settings import MonitorsSettings


class State(StrEnum):
    """How a subject stands."""

    HEALTHY = "healthy"
    WATCH = "watch"
    DEGRADED = "degraded"
    BLOCKED = "blocked"

    @property
    def is_alarm(self) -> bool:
        """Whether somebody is told and something is done."""
        return self in (State.DEGRADED, State.BLOCKED)


MOVES: Mapping[State, frozenset[State]] = {
    State.HEALTHY: frozenset({State.WATCH, State.BLOCKED}),
    State.WATCH: frozenset({State.HEALTHY, State.DEGRADED, State.BLOCKED}),
    State.DEGRADED: frozenset({State.HEALTHY, State.BLOCKED}),
    State.BLOCKED: frozenset({State.HEALTHY}),
}
"""What one reading may do. Healthy to blocked at once is for monitors whose fault leaves nothing to wait for."""


@dataclass(frozen=True)
class Patience:
    """Readings in a row that move a subject; `blocks` tells the values of a bad reading that block it at once."""

    degrade_after: int
    block_after: int
    heal_after: int
    blocks: Callable[[float], bool] | None = None

    @classmethod
    def of(cls, monitor: str, settings: MonitorsSettings, blocks: Callable[[float], bool] | None) -> Patience:
        """What the settings say of `monitor`."""
        degrade_after = settings.degrade_after_of.get(monitor, settings.degrade_after)
        return cls(degrade_after, max(settings.block_after, degrade_after + 1), settings.heal_after, blocks)


@dataclass(frozen=True)
class Standing:
    """A subject's state, the first date of it, its bad and its good readings in a row, and the last one counted."""

    state: State
    since: date
    n_bad: int
    n_good: int
    game_date: date


def follow(before: Standing | None, game_date: date, value: float, is_bad: bool, patience: Patience) -> Standing:
    """The standing after the reading of `game_date`, a later date than any that `before` has counted.

    A bad reading: watch, then degraded and blocked after so many in a row; a good one: healthy after so many in a row,
    until then as before. A subject is healthy before its first reading.
    """
    last = before or Standing(State.HEALTHY, game_date, 0, 0, game_date)
    counted = replace(
        last, n_bad=last.n_bad + 1 if is_bad else 0, n_good=0 if is_bad else last.n_good + 1, game_date=game_date
    )
    after = _worse(counted, value, patience) if is_bad else _better(counted, patience)
    if after == last.state:
        return counted
    if after not in MOVES[last.state]:
        raise ValueError(f"{last.state} to {after} is no move")
    return replace(counted, state=after, since=game_date)


def _worse(counted: Standing, value: float, patience: Patience) -> State:
    blocks_at_once = patience.blocks is not None and patience.blocks(value)
    if counted.state == State.BLOCKED or counted.n_bad >= patience.block_after or blocks_at_once:
        return State.BLOCKED
    if counted.state == State.DEGRADED or counted.n_bad >= patience.degrade_after:
        return State.DEGRADED
    return State.WATCH


def _better(counted: Standing, patience: Patience) -> State:
    return State.HEALTHY if counted.n_good >= patience.heal_after else counted.state
