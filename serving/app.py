"""The service's endpoints as an ASGI application: checks at the door, then the desk, then one shape of answer."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import anyio.to_thread
import sqlalchemy as sa
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from contracts.errors import TipoffError
from contracts.settings import ServingSettings
from serving.desk import Desk
from serving.faults import InvalidRequestError
from serving.keys import repeated_key
from serving.openapi import DOCS_PAGE, DOCS_SCRIPT, describe
from serving.schemas import ErrorBody, ErrorDetail, ExplainRequest, PredictBatchRequest, PredictRequest, first_fault

Asked = TypeVar("Asked", bound=BaseModel)
Handler = Callable[[Desk, Any], BaseModel]
HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_large"}
log = logging.getLogger("tipoff.serving")


@dataclass
class Room:
    """What the endpoints need: the desk, the limits, the token (None: open), and how many requests are inside."""

    desk: Desk
    settings: ServingSettings
    token: str | None
    n_inside: int = 0

    @property
    def is_full(self) -> bool:
        """Whether one more request would be too many at once."""
        return self.n_inside >= self.settings.max_in_flight


def furnish(app: Starlette, room: Room) -> None:
    """Give `app` its endpoints, which work in `room`; before its first request."""
    app.state.room = room
    app.router.routes.extend(_routes())
    for kind in (HTTPException, TipoffError, sa.exc.SQLAlchemyError, ClientDisconnect, Exception):
        app.add_exception_handler(kind, _on_error)


def error_response(
    status: int, code: str, message: str, *, field: str | None = None, remedy: str | None = None, **headers: str
) -> Response:
    """The one shape of every answer that is not 2xx."""
    body = ErrorBody(error=ErrorDetail(code=code, message=message, field=field, remedy=remedy))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(body.model_dump(), status_code=status, headers=named)


def _routes() -> list[Route]:
    return [
        Route("/predict", partial(_answer, PredictRequest, Desk.predict), methods=["POST"]),
        Route("/predict-batch", partial(_answer, PredictBatchRequest, Desk.predict_batch), methods=["POST"]),
        Route("/explain", partial(_answer, ExplainRequest, Desk.explain), methods=["POST"]),
        Route("/model", _model, methods=["GET"]),
        Route("/docs", _docs, methods=["GET"]),
        Route("/docs.js", _docs_script, methods=["GET"]),
        Route("/docs.json", _docs_json, methods=["GET"]),
        Route("/", _index, methods=["GET"]),
    ]


async def _answer(body: type[Asked], handle: Handler, request: Request) -> Response:
    """Token, room, size, body: in this order, so that a stranger costs little; then the desk, off the event loop.

    Only a request that is read takes a place, so that slow senders keep nobody out.
    """
    room: Room = request.app.state.room
    if not _is_allowed(room.token, request):
        remedy = "Send `Authorization: Bearer TOKEN` with the token of TIPOFF_API_TOKEN."
        return error_response(
            401, "unauthorized", "The bearer token is absent or wrong.", remedy=remedy, www_authenticate="Bearer"
        )
    if room.is_full:
        return _too_many()
    asked = _parse(body, await _read_in_time(request, room.settings))
    if room.is_full:
        return _too_many()
    room.n_inside += 1
    try:
        answer = await anyio.to_thread.run_sync(handle, room.desk, asked)
    finally:
        room.n_inside -= 1
    return Response(answer.model_dump_json(), media_type="application/json")


async def _model(request: Request) -> Response:
    room: Room = request.app.state.room
    card = await anyio.to_thread.run_sync(room.desk.model_card)
    return Response(card.model_dump_json(), media_type="application/json")


async def _docs(_request: Request) -> Response:
    return HTMLResponse(DOCS_PAGE)


async def _docs_script(_request: Request) -> Response:
    return Response(DOCS_SCRIPT, media_type="text/javascript")


async def _docs_json(_request: Request) -> Response:
    return JSONResponse(describe(_own_version()))


async def _index(_request: Request) -> Response:
    return RedirectResponse("/docs")


def _is_allowed(token: str | None, request: Request) -> bool:
    if token is None:
        return True
    given = request.headers.get("authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


def _too_many() -> Response:
    return error_response(429, "too_many_requests", "Too many requests at once.", remedy="Retry.", retry_after="1")


async def _read_in_time(request: Request, settings: ServingSettings) -> bytes:
    try:
        with anyio.fail_after(settings.body_seconds):
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


async def _on_error(_request: Request, error: Exception) -> Response:
    """The answer to whatever an endpoint raised; nothing of a traceback leaves the service."""
    if isinstance(error, TipoffError):
        status, field = getattr(error, "status", 503), getattr(error, "field", None)
        return error_response(status, error.code, error.message, field=field, remedy=error.remedy)
    if isinstance(error, HTTPException):
        code = {404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_large"}.get(
            error.status_code, "refused"
        )
        return error_response(error.status_code, code, error.detail)
    if isinstance(error, sa.exc.SQLAlchemyError):
        log.error("The database failed: %s", error)
        return error_response(503, "not_ready", "The database does not answer.", remedy="Retry; the log says why.")
    if isinstance(error, ClientDisconnect):
        return Response(status_code=499)  # nobody reads it
    return error_response(500, "internal", "The service failed on this request; its log says why.")


def _own_version() -> str:
    try:
        return version("tipoff")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"
