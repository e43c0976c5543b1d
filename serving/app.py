"""The service's endpoints: checks at the door of each, then the desk, then one shape of answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio.to_thread
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from contracts.settings import ServingSettings
from serving.desk import Desk
from serving.door import Endpoint
from serving.http import (
    Asked,
    answer_error,
    answer_refusal,
    constant,
    error_response,
    json_response,
    own_version,
    parse,
    read_in_time,
    refuse_stranger,
    too_many,
)
from serving.metrics import Metrics
from serving.openapi import DOCS_PAGE, DOCS_SCRIPT, describe
from serving.rates import Rates
from serving.schemas import ExplainRequest, Liveness, PredictBatchRequest, PredictRequest, Readiness

Handler = Callable[[Desk, Any], BaseModel]
SMALL_BYTES = 131_072
"""A body up to this size is read on the event loop; a larger one by a thread, so that nobody waits for it."""


@dataclass
class Room:
    """What the endpoints need: the desk, the limits, the token (None: open), and how many requests are inside."""

    desk: Desk
    settings: ServingSettings
    token: str | None
    metrics: Metrics = field(default_factory=Metrics)
    n_inside: int = 0

    @property
    def is_full(self) -> bool:
        """Whether one more request would be too many at once."""
        return self.n_inside >= self.settings.max_in_flight


class Endpoints:
    """The endpoints of one worker by path and method, and its answers to errors: the door's `Front`."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.metrics = room.metrics
        self.log_requests = room.settings.log_requests
        self._rates = Rates(room.settings.max_requests_per_second)
        self.endpoints: dict[str, dict[str, Endpoint]] = {
            "/predict": {"POST": partial(self._answer, PredictRequest, Desk.predict)},
            "/predict-batch": {"POST": partial(self._answer, PredictBatchRequest, Desk.predict_batch)},
            "/explain": {"POST": partial(self._answer, ExplainRequest, Desk.explain)},
            "/model": {"GET": self._model},
            "/metrics": {"GET": self._metrics},
            "/docs": {"GET": constant(HTMLResponse(DOCS_PAGE))},
            "/docs.js": {"GET": constant(Response(DOCS_SCRIPT, media_type="text/javascript"))},
            "/docs.json": {"GET": constant(json_response(json.dumps(describe(own_version()))))},
            "/": {"GET": constant(RedirectResponse("/docs"))},
        }

    def answer_error(self, error: Exception) -> Response:
        """The answer to whatever an endpoint raised."""
        return answer_error(error)

    def answer_refusal(self, path: str, status: int) -> Response:
        """The answer in place of one that BentoML refuses in its own words, or of a method that is not there."""
        return answer_refusal(self.endpoints, path, status)

    def answer_probe(self, path: str, status: int) -> Response | None:
        """/readyz and /livez with their reasons; BentoML decides the status."""
        state = self.room.desk.slot.state() if path in ("/readyz", "/livez") and status in (200, 503) else None
        if state is None:
            return None
        if status == 503:
            message = state.message or "The service is not ready."
            return error_response(503, state.code or "not_ready", message, remedy=state.remedy)
        if path == "/livez":
            return json_response(Liveness().model_dump_json())
        version = state.live.version if state.live else None
        told = Readiness(
            status=state.status,
            model_version=version.version if version else None,
            model_sha256=version.sha256 if version else None,
            reason=state.message,
            remedy=state.remedy,
        )
        return json_response(told.model_dump_json())

    async def _answer(self, body: type[Asked], handle: Handler, request: Request) -> Response:
        """Token, rate, room, size, body: in this order, so that a stranger costs little; then the desk.

        Only a request that is read takes a place, so that slow senders keep nobody out. What is small and needs no
        database is answered on the event loop: to hand it to a thread takes longer than to predict it.
        """
        room = self.room
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        content = await read_in_time(request, room.settings.body_seconds, room.settings.max_body_bytes)
        if room.is_full:
            return too_many("Too many requests at once.")
        room.n_inside += 1
        try:
            if len(content) > SMALL_BYTES:
                return await anyio.to_thread.run_sync(_answered, partial(_work, room.desk, body, handle, content))
            asked = parse(body, content)
            at_hand = room.desk.at_hand(asked) if isinstance(asked, PredictRequest) else None
            if at_hand is not None:
                return json_response((await room.desk.predict_at_hand(at_hand)).model_dump_json())
            return await anyio.to_thread.run_sync(_answered, partial(_handle, room.desk, handle, asked))
        finally:
            room.n_inside -= 1

    def _refusal(self, request: Request) -> Response | None:
        """What is to be said before the body is read, if anything."""
        room = self.room
        stranger = refuse_stranger(room.token, request)
        if stranger is not None:
            return stranger
        caller = request.client.host if request.client else ""
        if self._rates.is_over(caller, time.monotonic()):
            most = room.settings.max_requests_per_second
            return too_many(f"More than {most:g} requests a second from {caller}.")
        return too_many("Too many requests at once.") if room.is_full else None

    async def _model(self, _request: Request) -> Response:
        card = await anyio.to_thread.run_sync(self.room.desk.model_card)
        return json_response(card.model_dump_json())

    async def _metrics(self, _request: Request) -> Response:
        text = await anyio.to_thread.run_sync(self.room.desk.metrics_text)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _answered(make: Callable[[], str]) -> Response:
    """The answer whose JSON `make` makes, or the one to what it raises.

    Raised through anyio, an error would be part of a cycle that holds the body until the garbage collector comes.
    """
    try:
        return json_response(make())
    except Exception as error:  # noqa: BLE001 whatever it is: as the door would
        return answer_error(error)


def _work(desk: Desk, body: type[BaseModel], handle: Handler, content: bytes) -> str:
    return _handle(desk, handle, parse(body, content))


def _handle(desk: Desk, handle: Handler, asked: BaseModel) -> str:
    return handle(desk, asked).model_dump_json()
