"""What stands before BentoML: request ids, headers for safety, the count and the log of every request, one shape of
error, and the endpoints of ours, which BentoML's own layers need not pass."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.logs import REQUEST_ID, request_id_of

SAFE_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        b"connect-src 'self'; frame-ancestors 'none'",
    ),
]
REPLACED = {name for name, _ in SAFE_HEADERS} | {b"server", b"x-request-id"}
PROBES = ("/livez", "/readyz", "/healthz", "/metrics")
"""Asked every few seconds by machines: logged only when they fail."""

Endpoint = Callable[[Request], Awaitable[Response]]
log = logging.getLogger("tipoff.serving")


class Counters(Protocol):
    """Where requests are counted."""

    def count_request(self, endpoint: str, status: int, seconds: float) -> None:
        """One answered request; `endpoint` is one of a few."""


class Front(Protocol):
    """What a worker gives the door: its endpoints by path and method, what it answers for others, and its counters."""

    endpoints: dict[str, dict[str, Endpoint]]
    log_requests: bool

    @property
    def metrics(self) -> Counters:
        """Its counters."""

    def answer_error(self, error: Exception) -> Response:
        """The answer to what an endpoint raised."""

    def answer_refusal(self, path: str, status: int) -> Response:
        """The answer in place of one that BentoML refuses in its own words."""

    def answer_probe(self, path: str, status: int) -> Response | None:
        """The answer in place of BentoML's to /readyz or /livez."""


class Door:
    """The outermost ASGI application: `inner` is BentoML's; `front` finds the worker's own part, once it is there."""

    def __init__(self, inner: ASGIApp, front: Callable[[], Front]) -> None:
        self._inner = inner
        self._front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and tell of it; whatever is raised becomes an answer."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        front, started, asked = self._front(), time.perf_counter(), request_id_of(scope["headers"])
        REQUEST_ID.set(asked)
        out = _Outgoing(send, asked)
        try:
            await self._answer(front, scope, receive, out)
        except Exception as error:
            if out.status is not None:
                raise  # half an answer has left: the connection must break
            await front.answer_error(error)(scope, receive, out)
        finally:
            _tell(front, scope, out.status, time.perf_counter() - started)

    async def _answer(self, front: Front, scope: Scope, receive: Receive, out: _Outgoing) -> None:
        path, method = scope["path"], scope["method"]
        endpoints = front.endpoints.get(path)
        if endpoints is None:
            await self._inner(scope, receive, _Rewriting(front, path, scope, receive, out))
            return
        endpoint = endpoints.get("GET" if method == "HEAD" else method)
        response = front.answer_refusal(path, 405) if endpoint is None else await endpoint(Request(scope, receive))
        await response(scope, receive, out)


class _Outgoing:
    """One response on its way out, with the headers that every one carries."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._own = [*SAFE_HEADERS, (b"x-request-id", request_id.encode())]
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            kept = [pair for pair in message["headers"] if pair[0].lower() not in REPLACED]
            message = {**message, "headers": kept + self._own}
        await self._send(message)


class _Rewriting:
    """BentoML's answer on its way out: its refusals and its probes are said in our words."""

    def __init__(self, front: Front, path: str, scope: Scope, receive: Receive, out: _Outgoing) -> None:
        self._front, self._path, self._scope, self._receive, self._out = front, path, scope, receive, out
        self._is_replaced = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = self._replacement(message["status"])
            if ours is not None:
                self._is_replaced = True
                await ours(self._scope, self._receive, self._out)
        if not self._is_replaced:
            await self._out(message)

    def _replacement(self, status: int) -> Response | None:
        probe = self._front.answer_probe(self._path, status)
        if probe is not None or status < 400:
            return probe
        return self._front.answer_refusal(self._path, status)


def _tell(front: Front, scope: Scope, status: int | None, seconds: float) -> None:
    """Count and log the request; a status of 499 means that nobody waited for the answer."""
    path, code = scope["path"], status or 499
    known = path if path in front.endpoints or path in PROBES else "other"
    front.metrics.count_request(known, code, seconds)
    if front.log_requests and (path not in PROBES or code >= 400):
        told: dict[str, Any] = {"method": scope["method"], "path": path[:200], "status": code}
        log.info("request", extra={"told": {**told, "seconds": round(seconds, 6)}})
