"""Who is told of promotions, refusals and rollbacks: a log in the home, and a webhook, signed and tried again."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx

from contracts import clock
from contracts.settings import RegistrySettings
from registry.announcements import keep_delivery, undelivered
from registry.history import Entry
from registry.proofs import Proof, proofs_in
from registry.verdict import Verdict

if TYPE_CHECKING:
    from tipoff.wiring import Wiring

LOG = "registry.log"
SECRET = "TIPOFF_WEBHOOK_SECRET"  # noqa: S105 the variable's name
EVENTS = {"promote": "promotion", "refuse": "refusal", "rollback": "rollback"}
OWED_FOR = timedelta(days=1)
FIRST_PAUSE_SECONDS = 0.2


def announce(wiring: Wiring) -> str | None:
    """Tell the log and the webhook of every entry of the last day that they have not taken, in order.

    Returns why the webhook was not told of all, or None. What a killed command owed is told by the next one.
    """
    for entry, body in _owed(wiring, LOG):
        with (wiring.home.root / LOG).open("a") as log:
            log.write(json.dumps(body) + "\n")
        keep_delivery(wiring.engine, entry.seq, LOG)
    settings = wiring.settings.registry
    if settings.webhook_url is None:
        return None
    secret = os.environ.get(SECRET, "")
    if not secret:
        return f"The webhook was not told: {SECRET} is not set, and nothing is sent unsigned."
    for entry, body in _owed(wiring, settings.webhook_url):
        fault = _send(settings.webhook_url, secret, body, settings)
        if fault is not None:
            return f"The webhook did not take entry {entry.seq}: {fault}. The next command tries again, for a day."
        keep_delivery(wiring.engine, entry.seq, settings.webhook_url)
    return None


def describe(entry: Entry, proof: Proof | None = None) -> dict[str, Any]:
    """What is told of an entry, as plain values."""
    verdict = Verdict.from_json(entry.verdict) if entry.verdict is not None else None
    return {
        "event": EVENTS.get(entry.action, entry.action),
        "seq": entry.seq,
        "at": entry.to_json()["at"],
        "model": entry.model_name,
        "version": entry.version,
        "from_stage": str(entry.from_stage),
        "stage": str(entry.to_stage),
        "sha256": entry.sha256,
        "actor": entry.actor,
        "reason": entry.reason,
        "verdict": verdict.summary() if verdict else None,
        "failures": [test.name for test in verdict.failures] if verdict else [],
        "proof": proof.to_json() if proof else None,
        "hash": entry.hash,
    }


def sign(secret: str, timestamp: str, content: bytes) -> str:
    """'sha256=HEX': HMAC-SHA256 by `secret` over 'TIMESTAMP.' and the body."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + content, hashlib.sha256).hexdigest()


def _owed(wiring: Wiring, address: str) -> Iterator[tuple[Entry, dict[str, Any]]]:
    with wiring.engine.connect() as connection:
        proofs = proofs_in(connection)
    for entry in undelivered(wiring.engine, address, tuple(EVENTS), clock.now() - OWED_FOR):
        yield entry, describe(entry, proofs.get(entry.seq))


def _send(url: str, secret: str, body: dict[str, Any], settings: RegistrySettings) -> str | None:
    """Nothing where it was taken (2xx), else the last attempt's fault; pauses double between attempts."""
    content = json.dumps(body).encode()
    fault: str | None = None
    for attempt in range(settings.webhook_attempts):
        if attempt:
            time.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "X-Tipoff-Event": str(body["event"]),
            "X-Tipoff-Delivery": str(body["seq"]),
            "X-Tipoff-Timestamp": timestamp,
            "X-Tipoff-Signature": sign(secret, timestamp, content),
        }
        try:
            answer = httpx.post(url, content=content, headers=headers, timeout=settings.webhook_timeout_seconds)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            fault = f"{type(error).__name__}: {error}"
            continue
        if answer.is_success:
            return None
        fault = f"it answered {answer.status_code}"
    return fault
