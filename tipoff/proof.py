"""Proof of a move: the command waits until the running service answers with the new files, and keeps what it said."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

from contracts import clock
from registry.history import Entry
from registry.proofs import ANSWERED, NO_SERVICE, OTHER_VERSION, Proof, record_proof
from serving.whereabouts import addresses

if TYPE_CHECKING:
    from tipoff.wiring import Wiring

PAUSE_SECONDS = 0.1
ASK_SECONDS = 2.0


def prove(wiring: Wiring, entry: Entry) -> Proof:
    """What the services answered after `entry`, a move to Production; kept.

    Every service that runs over this home on this machine and those of `registry.services` are asked (where there are
    none, the default port); all that answer at all must answer with the new files, within `registry.proof_seconds`.
    """
    asked = known_addresses(wiring) or [default_address(wiring)]
    answers: dict[str, str] = {}
    ends = time.monotonic() + wiring.settings.registry.proof_seconds
    while True:
        for address in asked:
            told = ask(address)
            if told is not None:
                answers[address] = told
        is_proven = bool(answers) and all(sha256 == entry.sha256 for sha256 in answers.values())
        if is_proven or not answers or time.monotonic() >= ends:
            break
        time.sleep(PAUSE_SECONDS)
    seconds = (clock.now() - entry.at).total_seconds()
    outcome = ANSWERED if is_proven else OTHER_VERSION if answers else NO_SERVICE
    telling = [address for address, sha256 in answers.items() if is_proven or sha256 != entry.sha256]
    heard = telling[0] if telling else None
    sha256 = answers[heard] if heard is not None else None
    return record_proof(wiring.engine, entry.seq, outcome, heard, sha256, seconds)


def known_addresses(wiring: Wiring) -> list[str]:
    """Of the services that run over this home on this machine, and those that `registry.services` names."""
    return list(dict.fromkeys([*addresses(wiring.home), *wiring.settings.registry.services]))


def default_address(wiring: Wiring) -> str:
    """Where a service would be that nobody knows of."""
    return f"http://{wiring.settings.serving.host}:{wiring.settings.serving.port}"


def ask(address: str) -> str | None:
    """The sha256 of the files that the service there answers with; 'none' where it has none; None: no such service."""
    try:
        answer = httpx.get(f"{address}/model", timeout=ASK_SECONDS)
        if answer.status_code == 503:
            return "none"
        told = answer.json()
        return str(told["sha256"]) if "sha256" in told else None
    except (httpx.HTTPError, ValueError):
        return None
