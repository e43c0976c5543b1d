"""The coordinator's endpoints: the prediction service's door and checks, then the desk."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import anyio.to_thread
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from contracts.settings import CoordinatorSettings
from serving.door import Endpoint
from serving.faults import InvalidRequestError
from serving.http import (
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
from serving.rates import Rates
from tipoff.coordinator.board import Outlook
from tipoff.coordinator.desk import Desk
from tipoff.coordinator.docs_page import docs_page
from tipoff.coordinator.envelopes import open_envelope
from tipoff.coordinator.gauges import Gauges
from tipoff.coordinator.metrics import Metrics
from tipoff.coordinator.openapi import describe
from tipoff.coordinator.page import live_page
from tipoff.coordinator.page_script import SCRIPT, door_page
from tipoff.coordinator.schemas import CompleteRequest, Liveness, StartRequest

Handler = Callable[[Any], BaseModel]
ONE_OF = "Give batch_id or game_date."


class Endpoints:
    """The endpoints of the coordinator by path and method, and its answers to errors: the door's `Front`.

    `health` says what is wrong with the process (None: nothing); everything that changes something or tells of players
    wants the token, the live page of `outlook` too.
    """

    def __init__(
        self,
        desk: Desk,
        outlook: Outlook,
        gauges: Gauges,
        settings: CoordinatorSettings,
        token: str | None,
        health: Callable[[], str | None],
    ) -> None:
        self._settings = settings
        self._token = token
        self._desk = desk
        self._outlook = outlook
        self._health = health
        self._rates = Rates(settings.max_requests_per_second)
        self._n_inside = 0
        self.metrics = Metrics(gauges)
        self.log_requests = settings.log_requests
        described = describe(own_version())
        self.endpoints: dict[str, dict[str, Endpoint]] = {
            "/": {"GET": self._page},
            "/page.js": {"GET": constant(Response(SCRIPT, media_type="text/javascript"))},
            "/docs": {"GET": constant(HTMLResponse(docs_page(described)))},
            "/openapi.json": {"GET": constant(json_response(json.dumps(described)))},
            "/start": {"POST": partial(self._answer, StartRequest, desk.start, 202)},
            "/complete": {"POST": partial(self._answer, CompleteRequest, desk.complete, 200)},
            "/status": {"GET": self._status},
            "/events": {"POST": self._events},
            "/metrics": {"GET": self._metrics},
            "/livez": {"GET": self._livez},
            "/readyz": {"GET": self._readyz},
        }

    def answer_error(self, error: Exception) -> Response:
        """The answer to whatever an endpoint raised."""
        return answer_error(error)

    def answer_refusal(self, path: str, status: int) -> Response:
        """The answer to a path or a method that is not there."""
        return answer_refusal(self.endpoints, path, status)

    def answer_probe(self, path: str, status: int) -> Response | None:
        """None: /livez and /readyz are endpoints here."""

    async def _answer(self, body: type[BaseModel], handle: Handler, status: int, request: Request) -> Response:
        """Token, rate, room, size, body: in this order, so that a stranger costs little; then the desk."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        content = await read_in_time(request, self._settings.body_seconds, self._settings.max_body_bytes)
        return json_response(await self._work(lambda: handle(parse(body, content)).model_dump_json()), status)

    async def _events(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        content = await read_in_time(request, self._settings.body_seconds, self._settings.max_body_bytes)
        headers = dict(request.headers)
        told = await self._work(lambda: self._desk.take_event(open_envelope(headers, content)).model_dump_json())
        return json_response(told, 202)

    async def _status(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        batch_id, game_date = _asked_batch(request)
        return json_response(await self._work(lambda: self._desk.status(batch_id, game_date).model_dump_json()))

    async def _page(self, request: Request) -> Response:
        """The live page; who does not bear the token sees how to."""
        stranger = refuse_stranger(self._token, request)
        if stranger is not None:
            told = {"www-authenticate": stranger.headers["www-authenticate"]}
            return HTMLResponse(door_page(request.headers.get("host", "HOST:PORT")), 401, told)
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        asked = _asked_date(request)
        return HTMLResponse(await self._work(lambda: live_page(self._outlook.look(asked))))

    async def _work(self, work: Callable[[], str]) -> str:
        self._n_inside += 1
        try:
            return await anyio.to_thread.run_sync(work)
        finally:
            self._n_inside -= 1

    def _refusal(self, request: Request) -> Response | None:
        """What is to be said before the body is read, if anything."""
        stranger = refuse_stranger(self._token, request)
        if stranger is not None:
            return stranger
        caller = request.client.host if request.client else ""
        if self._rates.is_over(caller, time.monotonic()):
            return too_many(f"More than {self._settings.max_requests_per_second:g} requests a second from {caller}.")
        return too_many("Too many requests at once.") if self._n_inside >= self._settings.max_in_flight else None

    async def _metrics(self, _request: Request) -> Response:
        text = await anyio.to_thread.run_sync(self.metrics.text)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def _livez(self, _request: Request) -> Response:
        return json_response(Liveness(status="alive").model_dump_json())

    async def _readyz(self, _request: Request) -> Response:
        fault = await anyio.to_thread.run_sync(self._health)
        if fault is not None:
            return error_response(503, "not_ready", fault, remedy="The log says why; start the coordinator again.")
        return json_response(Liveness(status="ready").model_dump_json())


def _asked_batch(request: Request) -> tuple[str | None, date | None]:
    """The batch_id or the game_date of the query.

    Raises InvalidRequestError where there is neither or both, another name, or no date.
    """
    given = dict(request.query_params)
    strange = sorted(set(given) - {"batch_id", "game_date"})
    if strange or len(request.query_params.multi_items()) != 1:
        raise InvalidRequestError(ONE_OF, field=strange[0] if strange else None, remedy="One of them, once.")
    if "batch_id" in given:
        return given["batch_id"], None
    return None, _as_date(given["game_date"], "game_date")


def _asked_date(request: Request) -> date | None:
    """The date of the query, if any.

    Raises InvalidRequestError where it is none, or where there is more.
    """
    strange = sorted(set(request.query_params) - {"date"})
    if strange or len(request.query_params.multi_items()) > 1:
        place = strange[0] if strange else "date"
        raise InvalidRequestError("The page takes a date.", field=place, remedy="As /?date=2024-03-01, once.")
    return _as_date(request.query_params["date"], "date") if request.query_params else None


def _as_date(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{text[:40]!r} is not a date."
        raise InvalidRequestError(message, field=field, remedy="Write it as 2024-03-01.") from None
