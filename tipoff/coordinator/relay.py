"""The relay: what stands in the outbox is told over HTTP until each address has taken it, at least once."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from contracts import clock
from contracts.database import writing
from contracts.events import (
    FEATURES_COMPLETED,
    PREDICTIONS_COMPLETED,
    STRUCTURED,
    Event,
    count_undelivered_to,
    undelivered,
)
from contracts.tables import event_deliveries

AT_ONCE = 500
"""Events told to an address before others have their turn."""
TIMEOUT_SECONDS = 10.0

log = logging.getLogger("tipoff.coordinator")


@dataclass(frozen=True)
class Address:
    """Where events of `types` go; the token is sent to our own coordinator alone."""

    url: str
    types: Sequence[str] = (FEATURES_COMPLETED, PREDICTIONS_COMPLETED)
    token: str | None = None


def addresses(own_url: str, subscribers: Sequence[str], token: str | None) -> list[Address]:
    """The coordinator, which waits for the builders, and everybody who asked to be told."""
    return [Address(own_url, (FEATURES_COMPLETED,), token), *(Address(url) for url in subscribers)]


def events_url(host: str, port: int) -> str:
    """Where the coordinator that listens on `host` and `port` takes events."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 nothing is bound here
    return f"http://[{reachable}]:{port}/events" if ":" in reachable else f"http://{reachable}:{port}/events"


def relay(engine: sa.Engine, told: Sequence[Address], timeout_seconds: float = TIMEOUT_SECONDS) -> dict[str, str]:
    """Tell each address what it has not taken, oldest first; returns address -> why it has not taken all.

    An address that does not answer is left until the next time; an event that it refuses does not keep others from it.
    """
    faults: dict[str, str] = {}
    with httpx.Client(timeout=timeout_seconds) as client:
        for address in told:
            fault = _tell_all(engine, client, address)
            if fault is not None:
                faults[address.url] = fault
    return faults


def count_undelivered(engine: sa.Engine, told: Sequence[Address]) -> dict[str, int]:
    """How many events each address has not taken yet, by its URL."""
    return {address.url: count_undelivered_to(engine, address.url, address.types) for address in told}


def _tell_all(engine: sa.Engine, client: httpx.Client, address: Address) -> str | None:
    fault: str | None = None
    for event in undelivered(engine, address.url, address.types, AT_ONCE):
        try:
            answer = client.post(address.url, content=json.dumps(event.to_json()), headers=_headers(address))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"{type(error).__name__}: {error}"
        if answer.is_success:
            _keep(engine, event, address)
            continue
        fault = f"it answered {answer.status_code} to {event.event_id}"
        if answer.status_code >= 500 or answer.status_code in (401, 403, 404, 408, 429):
            return fault
    return fault


def _headers(address: Address) -> dict[str, str]:
    bearer = {"Authorization": f"Bearer {address.token}"} if address.token else {}
    return {"Content-Type": STRUCTURED, **bearer}


def _keep(engine: sa.Engine, event: Event, address: Address) -> None:
    """The address has taken the event. A kill before this line tells it again: at least once."""
    insert = postgresql_insert if engine.dialect.name == "postgresql" else sqlite_insert
    row = {"event_id": event.event_id, "address": address.url, "delivered_at": clock.now()}
    with writing(engine) as connection:
        connection.execute(insert(event_deliveries).values(row).on_conflict_do_nothing())
