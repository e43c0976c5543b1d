"""How a batch stands: counts by state, coverage and why it falls short, and every player-game."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from contracts.settings import Settings
from contracts.tables import ledger
from features.table.expectable import expectable_games
from tipoff.coordinator.batches import Batch
from tipoff.coordinator.states import State

OPEN, DONE = "open", "done"


@dataclass(frozen=True)
class Standing:
    """A batch and its rows, by state.

    `states` counts rows (a player-game for one system each), `by_system` the same for each system; `reasons` why rows
    were skipped or failed; `games_without_rows` are games of the date with nobody in them, though somebody can be
    expected (not so where both teams open their season).
    """

    batch: Batch
    states: Mapping[State, int]
    by_system: Mapping[str, Mapping[State, int]]
    reasons: Mapping[str, int]
    games_without_rows: int
    min_coverage: float

    @property
    def expected(self) -> int:
        """Rows of the batch."""
        return sum(self.states.values())

    @property
    def coverage(self) -> float:
        """Predicted of expected, 0-1."""
        return _share(self.states)

    @property
    def shortfall(self) -> str | None:
        """Why a system's coverage is below `monitors.min_coverage`, in a sentence; None where it is not, or not yet."""
        short = [name for name, states in self.by_system.items() if _share(states) < self.min_coverage]
        if self.batch.is_open or not (short or self.games_without_rows):
            return None
        why = [f"{count} {reason}" for reason, count in sorted(self.reasons.items())]
        if self.games_without_rows:
            why.append(f"{self.games_without_rows} games of the date have no feature rows")
        told = f"{', '.join(short)} below {self.min_coverage:.0%}: " if short else ""
        return f"{self.coverage:.1%} of {self.expected} are predicted; {told}{', '.join(why)}."

    def to_json(self) -> dict[str, Any]:
        """Plain values: the keys of `tipoff batch status`."""
        return {
            "batch_id": self.batch.batch_id,
            "game_date": self.batch.game_date.isoformat(),
            "revision": self.batch.revision,
            "state": OPEN if self.batch.is_open else DONE,
            "expected": self.expected,
            **{str(state): self.states.get(state, 0) for state in State},
            "coverage": self.coverage,
            "shortfall": self.shortfall,
            "reasons": dict(self.reasons),
            "systems": {name: _of_system(states) for name, states in self.by_system.items()},
            "started_at": self.batch.started_at.isoformat(),
            "ended_at": self.batch.ended_at.isoformat() if self.batch.ended_at else None,
        }


def standing(engine: sa.Engine, batch: Batch, settings: Settings) -> Standing:
    """How `batch` stands now."""
    count = sa.func.count()
    row = ledger.c
    query = sa.select(row.system, row.state, row.reason, count).where(row.batch_id == batch.batch_id)
    with engine.connect() as connection:
        counted = connection.execute(query.group_by(row.system, row.state, row.reason)).all()
        with_rows = connection.scalars(sa.select(row.game_id).distinct().where(row.batch_id == batch.batch_id))
        rowless = expectable_games(connection, batch.game_date, settings.features) - set(with_rows)
    states: Counter[State] = Counter()
    by_system: dict[str, Counter[State]] = {}
    reasons: Counter[str] = Counter()
    for system, state, reason, n in counted:
        states[State(state)] += n
        by_system.setdefault(system, Counter())[State(state)] += n
        if state in (State.SKIPPED, State.FAILED):
            reasons[reason] += n
    return Standing(batch, states, by_system, reasons, len(rowless), settings.monitors.min_coverage)


def players(engine: sa.Engine, batch: Batch) -> list[dict[str, Any]]:
    """Every row of the batch: player_id, game_id, system, state, reason, detail, revision."""
    names = ("player_id", "game_id", "system", "state", "reason", "detail")
    query = (
        sa.select(*(ledger.c[name] for name in names))
        .where(ledger.c.batch_id == batch.batch_id)
        .order_by(ledger.c.system, ledger.c.game_id, ledger.c.player_id)
    )
    with engine.connect() as connection:
        rows: Sequence[Any] = connection.execute(query).mappings().all()
    return [{**row, "revision": batch.revision} for row in rows]


def _share(states: Mapping[State, int]) -> float:
    expected = sum(states.values())
    return states.get(State.PREDICTED, 0) / expected if expected else 0.0


def _of_system(states: Mapping[State, int]) -> dict[str, Any]:
    ended = (State.PREDICTED, State.SKIPPED, State.FAILED)
    counts = {str(state): states.get(state, 0) for state in ended}
    return {"expected": sum(states.values()), **counts, "coverage": _share(states)}
