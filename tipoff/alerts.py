"""Who is told of alarms and milestones: a log in the home, and a webhook, signed and tried again.

Each message says what, on what evidence, since when, and the command to run; it is told once to each address.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from contracts import clock
from contracts.database import writing
from contracts.events import MILESTONES, Event, undelivered
from contracts.locks import file_lock
from contracts.tables import alarm_deliveries, alarms, event_deliveries
from tipoff.evidence import evidence_of
from tipoff.webhook import Webhook

if TYPE_CHECKING:
    from contracts.home import Home
    from contracts.settings import Settings

LOG = "alerts.log"
RAISED, RESOLVED = "raised", "resolved"
MILESTONES_OWED_FOR = timedelta(days=1)
AT_ONCE = 500
WAIT_SECONDS = 30.0

log = logging.getLogger("tipoff.alerts")


@dataclass(frozen=True)
class Message:
    """What is told: its kind, the id by which a receiver knows it again, and its body; `taken` is kept when it was."""

    event: str
    delivery: str
    body: dict[str, Any]
    table: sa.Table
    taken: Mapping[str, Any]


def tell_alarms(home: Home, settings: Settings, engine: sa.Engine) -> str | None:
    """Tell the log and the webhook of what they have not taken: alarms that stand or are resolved, milestones.

    Returns why the webhook was not told of all, or None. What it did not take the next call tells, oldest first; an
    alarm is told as long as it stands, a milestone for a day. Who is killed between telling and keeping that tells it
    again, under the same delivery id. Callers wait for each other.
    """
    try:
        with file_lock(home.root / f"{LOG}.lock", WAIT_SECONDS):
            _tell(engine, LOG, lambda message: _write(home.root / LOG, message))
            return _tell_webhook(settings, engine)
    except TimeoutError:
        return "Somebody else has been telling of alarms for too long; the next call goes on."


def tell_or_log(home: Home, settings: Settings, engine: sa.Engine) -> None:
    """The same for who runs by the clock: what was not told is a warning in its log."""
    untold = tell_alarms(home, settings, engine)
    if untold is not None:
        log.warning("%s", untold)


def _tell_webhook(settings: Settings, engine: sa.Engine) -> str | None:
    chosen = settings.alerts
    if chosen.webhook_url is None:
        return None
    hook = Webhook(chosen.webhook_url, chosen.webhook_attempts, chosen.webhook_timeout_seconds)
    refusal = hook.refusal()
    if refusal is not None:
        return f"The webhook was not told: {refusal}."
    return _tell(engine, hook.url, lambda message: hook.send(message.event, message.delivery, message.body))


def _tell(engine: sa.Engine, address: str, send: Callable[[Message], str | None]) -> str | None:
    """Send what the address has not taken, each kept as soon as it is taken; the first fault ends it."""
    for message in _owed(engine, address):
        fault = send(message)
        if fault is not None:
            return f"The webhook did not take {message.delivery}: {fault}. The next call tries again."
        _keep(engine, message, address)
    return None


def _owed(engine: sa.Engine, address: str) -> Iterator[Message]:
    """Alarms as they were raised, then those resolved, then milestones."""
    with engine.connect() as connection:
        said = [_of_alarm(connection, kind, dict(row)) for kind, row in _alarms(connection, address)]
    yield from said
    earliest = clock.now() - MILESTONES_OWED_FOR
    for event in undelivered(engine, address, MILESTONES, AT_ONCE, since=earliest):
        yield _of_milestone(event)


def _alarms(connection: sa.Connection, address: str) -> Iterator[tuple[str, sa.RowMapping]]:
    """Those that stand and were not told; those that were told and stand no more."""

    def told(kind: str) -> sa.Select[tuple[int]]:
        taken = alarm_deliveries.c
        return sa.select(taken.alarm_id).where(taken.kind == kind, taken.address == address)

    stands, known = alarms.c.resolved_at.is_(None), alarms.c.alarm_id.in_(told(RAISED))
    is_over = sa.and_(~stands, known, alarms.c.alarm_id.not_in(told(RESOLVED)))
    for kind, owed in ((RAISED, sa.and_(stands, ~known)), (RESOLVED, is_over)):
        query = sa.select(alarms).where(owed).order_by(alarms.c.alarm_id)
        yield from ((kind, row) for row in connection.execute(query).mappings().all())


def _of_alarm(connection: sa.Connection, kind: str, alarm: dict[str, Any]) -> Message:
    event, delivery = f"alarm.{kind}", f"alarm-{alarm['alarm_id']}-{kind}"
    ended = {} if alarm["resolved_at"] is None else {"resolved_at": alarm["resolved_at"].isoformat()}
    body = {
        "event": event,
        "id": delivery,
        **{name: alarm[name] for name in ("name", "subject", "message", "remedy", "origin")},
        "since": alarm["raised_at"].isoformat(),
        **ended,
        "evidence": evidence_of(connection, alarm),
    }
    return Message(event, delivery, body, alarm_deliveries, {"alarm_id": alarm["alarm_id"], "kind": kind})


def _of_milestone(event: Event) -> Message:
    told = {"event": event.type, "id": event.event_id, "subject": event.subject, "since": event.time.isoformat()}
    return Message(event.type, event.event_id, told | dict(event.data), event_deliveries, {"event_id": event.event_id})


def _write(path: Path, message: Message) -> None:
    with path.open("a") as file:
        file.write(json.dumps(message.body) + "\n")


def _keep(engine: sa.Engine, message: Message, address: str) -> None:
    insert = postgresql_insert if engine.dialect.name == "postgresql" else sqlite_insert
    row = {**message.taken, "address": address, "delivered_at": clock.now()}
    with writing(engine) as connection:
        connection.execute(insert(message.table).values(row).on_conflict_do_nothing())
