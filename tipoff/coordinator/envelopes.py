"""How an event comes: as CloudEvents 1.0 (structured or binary), or inside a Pub/Sub push envelope."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from contracts.events import Event
from serving.faults import InvalidRequestError

REQUIRED = ("id", "source", "type")


def open_envelope(headers: Mapping[str, str], content: bytes) -> Event:
    """The event in a request with these headers (names in lower case) and this body.

    Raises InvalidRequestError naming what is wrong, whatever the body holds.
    """
    body = _json(content)
    if "ce-id" in headers or "ce-specversion" in headers:
        return _event({**_attributes(headers, "ce-"), "data": body})
    if isinstance(body, dict) and isinstance(body.get("message"), dict):
        return _pushed(body["message"])
    return _event(body)


def _pushed(message: Mapping[str, Any]) -> Event:
    """The event of a Pub/Sub message: all of it in its data, or its attributes (`ce-id`, ...) beside its data."""
    try:
        content = base64.b64decode(message.get("data") or "", validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise _fault("message.data", "it is not base64") from None
    body = _json(content)
    attributes = message.get("attributes") or {}
    if isinstance(attributes, dict) and "ce-id" in attributes:
        return _event({**_attributes(attributes, "ce-"), "data": body})
    return _event(body)


def _attributes(headers: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}


def _event(told: Any) -> Event:
    if not isinstance(told, dict):
        raise _fault(None, "an event is a JSON object")
    if told.get("specversion") != "1.0":
        raise _fault("specversion", f"{str(told.get('specversion'))[:20]!r} is not 1.0")
    for name in REQUIRED:
        if not isinstance(told.get(name), str) or not 0 < len(told[name]) <= 300:
            raise _fault(name, "it is no text of 1 to 300 characters")
    if not isinstance(told.get("data"), dict):
        raise _fault("data", "it is no JSON object")
    return Event(told["id"], told["source"], told["type"], _time(told.get("time")), told["data"])


def _time(text: Any) -> datetime:
    """When it happened, in UTC; without a time of its own it happens now."""
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise _fault("time", f"{str(text)[:40]!r} is no time in ISO 8601") from None
    return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise _fault(None, "the body is not JSON") from None


def _fault(field: str | None, message: str) -> InvalidRequestError:
    said = f"{field}: {message}." if field else f"{message[0].upper()}{message[1:]}."
    return InvalidRequestError(said, field=field, remedy="Send a CloudEvents 1.0 event (docs/coordinator.md).")
