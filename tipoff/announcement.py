"""Who is told of promotions, refusals and rollbacks: a log in the home, and a webhook, signed and tried again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from contracts import clock
from registry.announcements import keep_delivery, undelivered
from registry.history import Entry
from registry.proofs import Proof, proofs_in
from registry.verdict import Verdict
from tipoff.webhook import Webhook

if TYPE_CHECKING:
    from tipoff.wiring import Wiring

LOG = "registry.log"
EVENTS = {"promote": "promotion", "refuse": "refusal", "rollback": "rollback"}
OWED_FOR = timedelta(days=1)


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
    hook = Webhook(settings.webhook_url, settings.webhook_attempts, settings.webhook_timeout_seconds)
    refusal = hook.refusal()
    if refusal is not None:
        return f"The webhook was not told: {refusal}."
    for entry, body in _owed(wiring, settings.webhook_url):
        fault = hook.send(str(body["event"]), str(entry.seq), body)
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


def _owed(wiring: Wiring, address: str) -> Iterator[tuple[Entry, dict[str, Any]]]:
    with wiring.engine.connect() as connection:
        proofs = proofs_in(connection)
    for entry in undelivered(wiring.engine, address, tuple(EVENTS), clock.now() - OWED_FOR):
        yield entry, describe(entry, proofs.get(entry.seq))
