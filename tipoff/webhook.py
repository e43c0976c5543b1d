"""Webhooks: what is told over HTTP is signed, tried again at once with growing pauses, and never sent unsigned."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

SECRET = "TIPOFF_WEBHOOK_SECRET"  # noqa: S105 the variable's name
FIRST_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class Webhook:
    """Where to tell, how often it is tried at once, and how long an answer may take."""

    url: str
    attempts: int
    timeout_seconds: float

    def send(self, event: str, delivery: str, body: Mapping[str, Any]) -> str | None:
        """Nothing where it was taken (2xx), else the last attempt's fault; pauses double between attempts.

        `delivery` is the same whenever the same thing is told: a receiver knows what it has.
        """
        content = json.dumps(body).encode()
        fault = self.refusal()
        for attempt in range(self.attempts if fault is None else 0):
            if attempt:
                time.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
            fault = self._attempt(event, delivery, content)
            if fault is None:
                return None
        return fault

    def refusal(self) -> str | None:
        """Why nothing is sent at all (None: it is)."""
        return None if os.environ.get(SECRET) else f"{SECRET} is not set, and nothing is sent unsigned"

    def _attempt(self, event: str, delivery: str, content: bytes) -> str | None:
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "X-Tipoff-Event": event,
            "X-Tipoff-Delivery": delivery,
            "X-Tipoff-Timestamp": timestamp,
            "X-Tipoff-Signature": sign(os.environ[SECRET], timestamp, content),
        }
        try:
            answer = httpx.post(self.url, content=content, headers=headers, timeout=self.timeout_seconds)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"{type(error).__name__}: {error}"
        return None if answer.is_success else f"it answered {answer.status_code}"


def sign(secret: str, timestamp: str, content: bytes) -> str:
    """'sha256=HEX': HMAC-SHA256 by `secret` over 'TIMESTAMP.' and the body."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + content, hashlib.sha256).hexdigest()
