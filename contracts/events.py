"""Events as CloudEvents 1.0, and the outbox: what is to be told is recorded in the transaction that made it true."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.tables import builds, event_deliveries, outbox

FEATURES_COMPLETED = "features.completed"
PREDICTIONS_COMPLETED = "predictions.completed"
BACKFILL_DONE, BACKFILL_FAILED = "milestone.backfill_done", "milestone.backfill_failed"
PROMOTION, RETRAINING = "milestone.promotion", "milestone.retraining"
MILESTONES = (BACKFILL_DONE, BACKFILL_FAILED, PROMOTION, RETRAINING)
"""What whoever reads alarms is told besides them (docs/alerts.md); subscribers of the outbox are not."""
SOURCE = "tipoff"
STRUCTURED = "application/cloudevents+json"


@dataclass(frozen=True)
class Event:
    """What happened, when, and what it was about; `event_id` is unique within `source`."""

    event_id: str
    source: str
    type: str
    time: datetime
    data: Mapping[str, Any]
    subject: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The event in CloudEvents' JSON format (structured mode)."""
        return {
            "specversion": "1.0",
            "id": self.event_id,
            "source": self.source,
            "type": self.type,
            "time": self.time.isoformat(),
            "subject": self.subject,
            "datacontenttype": "application/json",
            "data": dict(self.data),
        }


def record_events(
    connection: sa.Connection,
    kind: str,
    subject: str,
    data: Sequence[Mapping[str, Any]],
    *,
    build_id: int | None = None,
) -> None:
    """Put an event of type `kind` for each of `data` (plain values) into the outbox, in the caller's transaction.

    With a `build_id` nobody is told before that build has ended: its rows are nobody's until then.
    """
    now = clock.now()
    same = {"type": kind, "subject": subject, "build_id": build_id, "recorded_at": now}
    if data:
        connection.execute(
            sa.insert(outbox), [{"event_id": str(uuid.uuid4()), "data": dict(each), **same} for each in data]
        )


def record_milestone(
    connection: sa.Connection, kind: str, subject: str, message: str, remedy: str, evidence: Mapping[str, Any]
) -> None:
    """Put a milestone into the outbox, in the caller's transaction: a sentence, the command to run, plain values."""
    record_events(connection, kind, subject, [{"message": message, "remedy": remedy, "evidence": dict(evidence)}])


def undelivered(
    engine: sa.Engine, address: str, types: Sequence[str], most: int, since: datetime | None = None
) -> list[Event]:
    """The events of `types` that may be told and that `address` has not taken, oldest first, at most so many.

    With `since` those that were recorded from then on.
    """
    ordered = sa.select(outbox).order_by(outbox.c.recorded_at, outbox.c.event_id)
    query = ordered.where(*_owed(address, types)).limit(most)
    if since is not None:
        query = query.where(outbox.c.recorded_at >= since)
    with engine.connect() as connection:
        return [
            Event(row.event_id, SOURCE, row.type, row.recorded_at, row.data, row.subject)
            for row in connection.execute(query)
        ]


def count_undelivered_to(engine: sa.Engine, address: str, types: Sequence[str]) -> int:
    """How many events of `types` may be told and `address` has not taken."""
    query = sa.select(sa.func.count()).select_from(outbox).where(*_owed(address, types))
    with engine.connect() as connection:
        return connection.execute(query).scalar_one()


def _owed(address: str, types: Sequence[str]) -> tuple[sa.ColumnElement[bool], ...]:
    taken = sa.select(event_deliveries.c.event_id).where(event_deliveries.c.address == address)
    has_ended = sa.select(builds.c.build_id).where(builds.c.state != "running")
    may_be_told = sa.or_(outbox.c.build_id.is_(None), outbox.c.build_id.in_(has_ended))
    return outbox.c.type.in_(types), outbox.c.event_id.not_in(taken), may_be_told
