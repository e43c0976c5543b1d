"""What the coordinator does with a well-formed request, apart from HTTP: one method an endpoint."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date

import sqlalchemy as sa

from contracts.settings import Settings
from tipoff.coordinator.batches import Batch, find_batch, open_batch
from tipoff.coordinator.completion import Completion, complete
from tipoff.coordinator.expectation import expect
from tipoff.coordinator.report import players, standing
from tipoff.coordinator.schemas import (
    CompleteRequest,
    CompleteResponse,
    StartRequest,
    StartResponse,
    StatusResponse,
)
from tipoff.coordinator.states import State


class Desk:
    """Opens batches, tells how they stand, takes completions; `wake` calls the workers. Safe for threads."""

    def __init__(self, engine: sa.Engine, settings: Settings, wake: Callable[[], None]) -> None:
        self._engine = engine
        self._settings = settings
        self._wake = wake
        self._opening = threading.Lock()

    def start(self, request: StartRequest) -> StartResponse:
        """The batch of a date; the same date again while it is open, or about the same inputs, is the same batch.

        Raises NoGamesError.
        """
        batch, _ = self.open(request.game_date)
        return StartResponse(batch_id=batch.batch_id, expected=standing(self._engine, batch, self._settings).expected)

    def open(self, game_date: date) -> tuple[Batch, bool]:
        """The batch of a date, and whether this call opened it.

        Raises NoGamesError.
        """
        with self._opening:  # one look at the slate serves those who ask at once
            opened = open_batch(self._engine, expect(self._engine, self._settings, game_date))
        self._wake()
        return opened

    def status(self, batch_id: str | None, game_date: date | None) -> StatusResponse:
        """How a batch stands, with every player-game.

        Raises UnknownBatchError.
        """
        batch = find_batch(self._engine, batch_id=batch_id, game_date=game_date)
        told = standing(self._engine, batch, self._settings).to_json()
        return StatusResponse.model_validate({**told, "players": players(self._engine, batch)})

    def complete(self, request: CompleteRequest) -> CompleteResponse:
        """End one player-game as somebody says.

        Raises what `complete` raises.
        """
        said = Completion(**request.model_dump(exclude={"state"}), state=State(request.state))
        changed = complete(self._engine, said)
        return CompleteResponse(batch_id=said.batch_id, state=str(said.state), changed=changed)
