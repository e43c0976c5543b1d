"""What our HTTP services share: one shape of error, the bearer token, bodies read within limits and parsed strictly."""

from __future__ import annotations

import asyncio
import hmac
import logging
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from contracts.errors import TipoffError
from serving.door import Endpoint
from serving.faults import InvalidRequestError
from serving.keys import repeated_key
from serving.schemas import ErrorBody, ErrorDetail, first_fault

Asked = TypeVar("Asked", bound=BaseModel)
CODES = {404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_large", 504: "too_slow"}

log = logging.getLogger("tipoff.serving")


def error_response(
    status: int, code: str, message: str, *, field: str | None = None, remedy: str | None = None, **headers: str
) -> Response:
    """The one shape of every answer that is not 2xx."""
    body = ErrorBody(error=ErrorDetail(code=code, message=message, field=field, remedy=remedy))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return json_response(body.model_dump_json(), status, named)


def answer_error(error: Exception) -> Response:
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


def answer_refusal(endpoints: dict[str, dict[str, Endpoint]], path: str, status: int) -> Response:
    """The answer to a path that is not among `endpoints`, to a method that it has not, or to another refusal."""
    told = {404: f"There is no {path}.", 405: f"{path} does not answer to this method."}
    message = told.get(status, f"The service refused this request with status {status}; its log may say why.")
    headers = {"allow": ", ".join(endpoints.get(path, {"GET": None}))} if status == 405 else {}
    remedy = f"There are {', '.join(endpoints)}."
    return error_response(status, CODES.get(status, "refused"), message, remedy=remedy, **headers)


def refuse_stranger(token: str | None, request: Request) -> Response | None:
    """A 401 where there is a `token` and the request does not bear it; compared in constant time."""
    if token is None:
        return None
    given = request.headers.get("authorization", "")
    if hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return None
    remedy = "Send `Authorization: Bearer TOKEN` with the token of TIPOFF_API_TOKEN."
    message = "The bearer token is absent or wrong."
    return error_response(401, "unauthorized", message, remedy=remedy, www_authenticate="Bearer")


def too_many(message: str) -> Response:
    """A 429."""
    return error_response(429, "too_many_requests", message, remedy="Retry.", retry_after="1")


def json_response(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer whose JSON is `text`."""
    return Response(text, status, headers, media_type="application/json")


def constant(response: Response) -> Endpoint:
    """An endpoint that always says the same."""

    async def answer(_request: Request) -> Response:
        return response

    return answer


async def read_in_time(request: Request, seconds: float, most_bytes: int) -> bytes:
    """The body.

    Raises HTTPException: 408 where it is not there within `seconds`, 413 where it has more than `most_bytes`.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, most_bytes)
    except TimeoutError:
        raise HTTPException(408, f"The body did not come within {seconds:g} seconds.") from None


def parse(body: type[Asked], content: bytes) -> Asked:
    """`content` as a `body`.

    Raises InvalidRequestError naming the first fault's field, a key that stands twice among them.
    """
    try:
        asked = body.model_validate_json(content)
    except ValidationError as error:
        field, message = first_fault(error)
        raise InvalidRequestError(
            message, field=field, remedy=f"The body takes: {', '.join(body.model_fields)}."
        ) from error
    twice = repeated_key(asked, content)
    if twice is not None:
        raise InvalidRequestError(f"{twice}: given twice; which is meant?", field=twice, remedy="Give each key once.")
    return asked


def own_version() -> str:
    """The version of tipoff; '0' in a checkout that is not installed."""
    try:
        return version("tipoff")
    except PackageNotFoundError:
        return "0"


async def _read(request: Request, limit: int) -> bytes:
    """The body; it is not read further than `limit` bytes, whatever its header says."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise HTTPException(413, f"{declared} bytes; at most {limit} are taken.")
    parts: list[bytes] = []
    size, has_more = 0, True
    while has_more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        has_more = message.get("more_body", False)
        size += len(parts[-1])
        if size > limit:
            raise HTTPException(413, f"More than {limit} bytes.")
    return b"".join(parts)
