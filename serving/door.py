"""What stands before every route of the service: headers for safety, and reasons where BentoML gives plain text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:  # the supervising process imports this module, and needs nothing of a worker's
    from serving.slot import SlotState

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; frame-ancestors 'none'"
    ),
}


REFUSALS = {
    404: ("not_found", "There is no {}."),
    405: ("method_not_allowed", "{} does not answer to this method."),
}
"""What BentoML refuses in plain text: status -> code and message about the path."""


class Door:
    """ASGI middleware: every response gets the headers, /readyz a body that says why, a refusal our error shape.

    BentoML decides the status of /readyz by the service's `__is_ready__`; `state` tells the reason.
    """

    def __init__(self, app: ASGIApp, state: Callable[[], SlotState]) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; the response is changed on its way out."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Outgoing(scope["path"], send, self._state))


class _Outgoing:
    """One response on its way out; a plain-text body that is to be replaced is held back."""

    def __init__(self, path: str, send: Send, state: Callable[[], SlotState]) -> None:
        self._path = path
        self._send = send
        self._state = state
        self._body: bytes | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = self._start(message)
        elif message["type"] == "http.response.body" and self._body is not None:
            if message.get("more_body"):
                return
            message = {"type": "http.response.body", "body": self._body}
        await self._send(message)

    def _start(self, message: Message) -> Message:
        headers = MutableHeaders(raw=list(message["headers"]))
        headers.update(SAFE_HEADERS)
        content = self._replacement(message["status"], headers.get("content-type", ""))
        if content is not None:
            self._body = json.dumps(content).encode()
            headers["content-type"] = "application/json"
            headers["content-length"] = str(len(self._body))
        return {**message, "headers": headers.raw}

    def _replacement(self, status: int, content_type: str) -> dict[str, Any] | None:
        if status in REFUSALS and content_type.startswith("text/plain"):
            code, message = REFUSALS[status]
            return _error(code, message.format(self._path), "GET /docs lists the endpoints.")
        if self._path == "/readyz" and status in (200, 503):
            return readiness(self._state(), is_ready=status == 200)
        return None


def readiness(state: SlotState, *, is_ready: bool) -> dict[str, Any]:
    """The body of /readyz: the status and the version that answers, or the error that says why nothing does."""
    if not is_ready:
        return _error(state.code or "not_ready", state.message or "The service is not ready.", state.remedy)
    live = state.live
    answering = {"model_version": live.version.version, "model_sha256": live.version.sha256} if live else {}
    return {"status": state.status, **answering, "reason": state.message, "remedy": state.remedy}


def _error(code: str, message: str, remedy: str | None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "field": None, "remedy": remedy}}
