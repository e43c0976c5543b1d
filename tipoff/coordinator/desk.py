"""What the coordinator does with a well-formed request, apart from HTTP: one method an endpoint."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import date

import sqlalchemy as sa

from contracts import clock
from contracts.errors import TipoffError
from contracts.events import Event
from contracts.settings import Settings
from features.builders.compute import BUILDERS
from serving.freshness import Freshness
from tipoff.coordinator.batches import Batch, find_batch, open_batch
from tipoff.coordinator.completion import Completion, complete
from tipoff.coordinator.expectation import expect
from tipoff.coordinator.inbox import COMPLETE, builders_of, is_complete, take
from tipoff.coordinator.reconciler import may_open
from tipoff.coordinator.report import players, standing
from tipoff.coordinator.schemas import (
    CompleteRequest,
    CompleteResponse,
    EventResponse,
    StartRequest,
    StartResponse,
    StatusResponse,
)
from tipoff.coordinator.states import State

log = logging.getLogger("tipoff.coordinator")


class Desk:
    """Opens batches, tells how they stand, takes completions; `wake` calls the workers. Safe for threads."""

    def __init__(
        self, engine: sa.Engine, settings: Settings, wake: Callable[[], None], freshness: Freshness | None = None
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._wake = wake
        self._freshness = freshness or Freshness(engine, settings)
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
            opened = open_batch(self._engine, expect(self._engine, self._settings, game_date, self._freshness))
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

    def take_event(self, event: Event) -> EventResponse:
        """Keep the event; when all five builders of its date are complete, the date's batch is opened, once.

        Where that fails the event is kept all the same, and the reconciler opens the batch.
        Raises InvalidRequestError for an event that does not say what it must.
        """
        taken = take(self._engine, event)
        outcome = "ignored" if taken.ignored else "taken" if taken.is_new else "duplicate"
        detail, batch_id = taken.ignored, None
        if taken.ignored is not None:
            log.warning("An event of %s counts for nothing: %s", event.source, taken.ignored)
        elif taken.game_date is not None:
            detail, batch_id = self._follow(taken.game_date)
        return EventResponse.model_validate({"outcome": outcome, "detail": detail, "batch_id": batch_id})

    def _follow(self, game_date: date) -> tuple[str | None, str | None]:
        """What the date still waits for, or the batch that is there now."""
        if not is_complete(self._engine, game_date):
            told = builders_of(self._engine, game_date)
            waits = [
                f"{builder} ({told.get(builder, 'silent')})" for builder in BUILDERS if told.get(builder) != COMPLETE
            ]
            return f"waits for {', '.join(waits)}", None
        if not may_open(self._engine, game_date, clock.now()):
            return "its games have begun", find_batch(self._engine, game_date=game_date).batch_id
        try:
            return None, self.open(game_date)[0].batch_id
        except TipoffError as error:
            log.warning("The batch of %s does not start: %s", game_date, error.message)
            return error.message, None
