"""The service's endpoints: checks at the door of each, then the desk, then one shape of answer."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import anyio.to_thread
import sqlalchemy as sa
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from contracts.errors import TipoffError
from contracts.settings import ServingSettings
from serving.desk import Desk
from serving.door import Endpoint
from serving.faults import InvalidRequestError
from serving.keys import repeated_key
from serving.metrics import Metrics
from serving.openapi import DOCS_PAGE, DOCS_SCRIPT, describe
from serving.rates import Rates
from serving.schemas import (
    ErrorBody,
    ErrorDetail,
    ExplainRequest,
    Liveness,
    PredictBatchRequest,
    PredictRequest,
    Readiness,
    first_fault,
)

Asked = TypeVar("Asked", bound=BaseModel)
Handler = Callable[[Desk, Any], BaseModel]
CODES = {404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_large", 504: "too_slow"}
SMALL_BYTES = 32_768
"""A body up to this size is read on the event loop; a larger one by a thread, so that nobody waits for it."""

log = logging.getLogger("tipoff.serving")


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
            "/docs": {"GET": _constant(HTMLResponse(DOCS_PAGE))},
            "/docs.js": {"GET": _constant(Response(DOCS_SCRIPT, media_type="text/javascript"))},
            "/docs.json": {"GET": _constant(_json(json.dumps(describe(_own_version()))))},
            "/": {"GET": _constant(RedirectResponse("/docs"))},
        }

    def answer_error(self, error: Exception) -> Response:
        """The answer to whatever an endpoint raised; nothing of a traceback leaves the service."""
        if isinstance(error, TipoffError):
            status, place = getattr(error, "status", 503), getattr(error, "field", None)
            return error_response(status, error.code, error.message, field=place, remedy=error.remedy)
        if isinstance(error, HTTPException):
            return error_response(error.status_code, CODES.get(error.status_code, "refused"), error.detail)
        if isinstance(error, sa.exc.SQLAlchemyError):
            log.error("The database failed: %s", error)
            return error_response(503, "not_ready", "The database does not answer.", remedy="Retry; the log says why.")
        if isinstance(error, ClientDisconnect):
            return Response(status_code=499)  # nobody reads it
        log.error("An endpoint failed", exc_info=error)
        return error_response(500, "internal", "The service failed on this request; its log says why.")

    def answer_refusal(self, path: str, status: int) -> Response:
        """The answer in place of one that BentoML refuses in its own words, or of a method that is not there."""
        told = {404: f"There is no {path}.", 405: f"{path} does not answer to this method."}
        message = told.get(status, f"The service refused this request with status {status}; its log may say why.")
        allowed = self.endpoints.get(path, {"GET": None})
        headers = {"allow": ", ".join(allowed)} if status == 405 else {}
        return error_response(
            status, CODES.get(status, "refused"), message, remedy="GET /docs lists the endpoints.", **headers
        )

    def answer_probe(self, path: str, status: int) -> Response | None:
        """/readyz and /livez with their reasons; BentoML decides the status."""
        state = self.room.desk.slot.state() if path in ("/readyz", "/livez") and status in (200, 503) else None
        if state is None:
            return None
        if status == 503:
            message = state.message or "The service is not ready."
            return error_response(503, state.code or "not_ready", message, remedy=state.remedy)
        if path == "/livez":
            return _json(Liveness().model_dump_json())
        version = state.live.version if state.live else None
        told = Readiness(
            status=state.status,
            model_version=version.version if version else None,
            model_sha256=version.sha256 if version else None,
            reason=state.message,
            remedy=state.remedy,
        )
        return _json(told.model_dump_json())

    async def _answer(self, body: type[Asked], handle: Handler, request: Request) -> Response:
        """Token, rate, room, size, body: in this order, so that a stranger costs little; then the desk.

        Only a request that is read takes a place, so that slow senders keep nobody out. What is small and needs no
        database is answered on the event loop: to hand it to a thread takes longer than to predict it.
        """
        room = self.room
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        content = await _read_in_time(request, room.settings)
        if room.is_full:
            return _too_many("Too many requests at once.")
        room.n_inside += 1
        try:
            if len(content) > SMALL_BYTES:
                return _json(await anyio.to_thread.run_sync(_work, room.desk, body, handle, content))
            asked = _parse(body, content)
            if isinstance(asked, PredictRequest) and room.desk.is_quick(asked):
                return _json(handle(room.desk, asked).model_dump_json())
            return _json(await anyio.to_thread.run_sync(_handle, room.desk, handle, asked))
        finally:
            room.n_inside -= 1

    def _refusal(self, request: Request) -> Response | None:
        """What is to be said before the body is read, if anything."""
        room = self.room
        if room.token is not None and not _is_allowed(room.token, request):
            remedy = "Send `Authorization: Bearer TOKEN` with the token of TIPOFF_API_TOKEN."
            message = "The bearer token is absent or wrong."
            return error_response(401, "unauthorized", message, remedy=remedy, www_authenticate="Bearer")
        caller = request.client.host if request.client else ""
        if self._rates.is_over(caller, time.monotonic()):
            most = room.settings.max_requests_per_second
            return _too_many(f"More than {most:g} requests a second from {caller}.")
        return _too_many("Too many requests at once.") if room.is_full else None

    async def _model(self, _request: Request) -> Response:
        card = await anyio.to_thread.run_sync(self.room.desk.model_card)
        return _json(card.model_dump_json())

    async def _metrics(self, _request: Request) -> Response:
        text = await anyio.to_thread.run_sync(self.room.desk.metrics_text)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def error_response(
    status: int, code: str, message: str, *, field: str | None = None, remedy: str | None = None, **headers: str
) -> Response:
    """The one shape of every answer that is not 2xx."""
    body = ErrorBody(error=ErrorDetail(code=code, message=message, field=field, remedy=remedy))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return _json(body.model_dump_json(), status, named)


def _json(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status, headers, media_type="application/json")


def _constant(response: Response) -> Endpoint:
    """An endpoint that always says the same."""

    async def answer(_request: Request) -> Response:
        return response

    return answer


def _work(desk: Desk, body: type[BaseModel], handle: Handler, content: bytes) -> str:
    return _handle(desk, handle, _parse(body, content))


def _handle(desk: Desk, handle: Handler, asked: BaseModel) -> str:
    return handle(desk, asked).model_dump_json()


def _is_allowed(token: str, request: Request) -> bool:
    given = request.headers.get("authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


def _too_many(message: str) -> Response:
    return error_response(429, "too_many_requests", message, remedy="Retry.", retry_after="1")


async def _read_in_time(request: Request, settings: ServingSettings) -> bytes:
    try:
        async with asyncio.timeout(settings.body_seconds):
            return await _read(request, settings.max_body_bytes)
    except TimeoutError:
        raise HTTPException(408, f"The body did not come within {settings.body_seconds:g} seconds.") from None


async def _read(request: Request, limit: int) -> bytes:
    """The body; it is not read further than `limit` bytes, whatever its header says."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise HTTPException(413, f"{declared} bytes; at most {limit} are taken.")
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise HTTPException(413, f"More than {limit} bytes.")
        parts.append(part)
    return b"".join(parts)


def _parse(body: type[Asked], content: bytes) -> Asked:
    try:
        asked = body.model_validate_json(content)
    except ValidationError as error:
        field, message = first_fault(error)
        raise InvalidRequestError(message, field=field, remedy="GET /docs describes the body.") from error
    twice = repeated_key(asked, content)
    if twice is not None:
        raise InvalidRequestError(f"{twice}: given twice; which is meant?", field=twice, remedy="Give each key once.")
    return asked


def _own_version() -> str:
    try:
        return version("tipoff")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"
