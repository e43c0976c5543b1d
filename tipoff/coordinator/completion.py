"""A player-game ended by somebody else than our workers: said once, said again without effect, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.tables import ledger, predictions
from tipoff.coordinator.batches import batch_in, end_if_done, hold
from tipoff.coordinator.dead_letters import bury
from tipoff.coordinator.faults import NoPredictionError, OtherStateError, UnknownPlayerGameError
from tipoff.coordinator.states import State

UNTOLD = "not_told"


@dataclass(frozen=True)
class Completion:
    """What is said of one player-game: that it ended in `state`, and why where it was not predicted."""

    batch_id: str
    system: str
    game_id: str
    player_id: int
    state: State
    reason: str | None = None

    @property
    def row(self) -> tuple[sa.ColumnElement[bool], ...]:
        """The conditions that find its row in the ledger."""
        return (
            ledger.c.batch_id == self.batch_id,
            ledger.c.system == self.system,
            ledger.c.game_id == self.game_id,
            ledger.c.player_id == self.player_id,
        )


def complete(engine: sa.Engine, said: Completion) -> bool:
    """End the row as `said`; returns whether this call did it: said again, nothing happens.

    Raises UnknownBatchError; UnknownPlayerGameError; OtherStateError where it has ended otherwise; NoPredictionError
    where it is called predicted and no prediction by the batch's version is stored.
    """
    with writing(engine) as connection:
        batch_in(connection, said.batch_id)
        hold(connection, said.batch_id)
        row = connection.execute(sa.select(ledger).where(*said.row)).one_or_none()
        if row is None:
            raise UnknownPlayerGameError(
                f"{said.batch_id} has no row for player {said.player_id} in game {said.game_id} of {said.system}.",
                remedy="GET /status lists what it expects.",
            )
        if State(row.state).is_ended:
            _refuse_another(said, row)
            return False
        _end(connection, said, row)
        end_if_done(connection, said.batch_id)
    return True


def _refuse_another(said: Completion, row: Any) -> None:
    if row.state != said.state:
        raise OtherStateError(
            f"Player {said.player_id} in game {said.game_id} has ended as {row.state} for {said.system}, "
            f"and cannot end as {said.state}.",
            remedy="A state that has ended stays; `tipoff batch replay` tries failed ones again.",
        )


def _end(connection: sa.Connection, said: Completion, row: Any) -> None:
    if said.state is State.FAILED:
        bury(connection, said.row, said.reason or UNTOLD, "Told by POST /complete.")
        return
    values: dict[str, Any] = {"state": str(said.state), "leased_until": None, "ended_at": clock.now()}
    if said.state is State.PREDICTED:
        values |= {"prediction_id": _prediction_id(connection, said, row.model_version), "reason": None, "detail": None}
    else:
        values |= {"reason": said.reason or UNTOLD, "detail": "Told by POST /complete."}
    connection.execute(sa.update(ledger).where(*said.row).values(values))


def _prediction_id(connection: sa.Connection, said: Completion, model_version: int | None) -> int:
    """The newest stored prediction of the player-game by the version that answers in the batch."""
    query = sa.select(sa.func.max(predictions.c.prediction_id)).where(
        predictions.c.game_id == said.game_id,
        predictions.c.player_id == said.player_id,
        predictions.c.model_version == model_version,
    )
    found = connection.execute(query).scalar()
    if found is None:
        raise NoPredictionError(
            f"No prediction of player {said.player_id} in game {said.game_id} by version {model_version} is stored.",
            remedy="Store it first: POST /predict-batch of the prediction service does.",
        )
    return int(found)
