"""The states of a player-game in a batch, and every move it may make."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a player-game of a batch stands, for one system."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    PREDICTED = "predicted"
    SKIPPED = "skipped"
    FAILED = "failed"

    @property
    def is_ended(self) -> bool:
        """Whether the batch waits for it no more."""
        return self in ENDED


ENDED = frozenset({State.PREDICTED, State.SKIPPED, State.FAILED})

LEGAL_MOVES: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.CLAIMED}) | ENDED,
    State.CLAIMED: frozenset({State.WAITING}) | ENDED,
    State.PREDICTED: frozenset(),
    State.SKIPPED: frozenset(),
    State.FAILED: frozenset({State.WAITING}),
}
"""From a state to the states one move away. Claimed -> waiting is another try; failed -> waiting is a replay."""


def sources_of(state: State) -> list[str]:
    """The states from which a move to `state` is legal, sorted: what an update of the ledger must find."""
    return sorted(str(source) for source, targets in LEGAL_MOVES.items() if state in targets)
