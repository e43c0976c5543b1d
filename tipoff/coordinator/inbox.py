"""Events that came: each kept once, and what they say together of a date's five builders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from contracts import clock
from contracts.database import writing
from contracts.events import FEATURES_COMPLETED, Event
from contracts.tables import batches, event_inbox
from features.builders.compute import BUILDERS
from serving.faults import InvalidRequestError

COMPLETE, PARTIAL, FAILED = "complete", "partial", "failed"
STATUSES = {
    **dict.fromkeys(("complete", "completed", "done", "success", "succeeded"), COMPLETE),
    **dict.fromkeys(("partial", "incomplete"), PARTIAL),
    **dict.fromkeys(("failed", "failure", "error"), FAILED),
}
"""What senders call it -> what it is."""


@dataclass(frozen=True)
class Taken:
    """What became of an event: new or a duplicate; `ignored` says why it counts for nothing; its date, if any."""

    is_new: bool
    ignored: str | None
    game_date: date | None


def take(engine: sa.Engine, event: Event) -> Taken:
    """Keep the event, once: the same id of the same source again changes nothing.

    Raises InvalidRequestError where a `features.completed` lacks what it must say.
    """
    row = _row(event)
    insert = postgresql_insert if engine.dialect.name == "postgresql" else sqlite_insert
    statement = insert(event_inbox).values(row).on_conflict_do_nothing().returning(event_inbox.c.event_id)
    with writing(engine) as connection:
        is_new = connection.execute(statement).first() is not None
    return Taken(is_new, row["ignored"], row["game_date"])


def builders_of(engine: sa.Engine, game_date: date) -> dict[str, str]:
    """builder -> complete, partial or failed, by its latest word on the date; builders that said nothing are absent.

    The order in which events came is nothing; the time that their senders gave decides.
    """
    query = _counting(event_inbox.c.game_date == game_date)
    with engine.connect() as connection:
        return {row.builder: row.status for row in connection.execute(query)}


def is_complete(engine: sa.Engine, game_date: date) -> bool:
    """Whether all five builders of the date are complete."""
    told = builders_of(engine, game_date)
    return all(told.get(builder) == COMPLETE for builder in BUILDERS)


def complete_without_batch(engine: sa.Engine) -> list[date]:
    """Dates whose five builders are complete and that have no batch: it was to start, and did not."""
    has_batch = event_inbox.c.game_date.in_(sa.select(batches.c.game_date))
    told: dict[date, dict[str, str]] = {}
    with engine.connect() as connection:
        for row in connection.execute(_counting(sa.not_(has_batch))):
            told.setdefault(row.game_date, {})[row.builder] = row.status
    return sorted(day for day, said in told.items() if all(said.get(builder) == COMPLETE for builder in BUILDERS))


def _counting(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """(game_date, builder, status) of the events that count, the latest last."""
    inbox = event_inbox.c
    return (
        sa.select(inbox.game_date, inbox.builder, inbox.status)
        .where(inbox.ignored.is_(None), inbox.builder.is_not(None), condition)
        .order_by(inbox.happened_at, inbox.received_at)
    )


def _row(event: Event) -> dict[str, Any]:
    row: dict[str, Any] = {
        "source": event.source,
        "event_id": event.event_id,
        "type": event.type,
        "happened_at": event.time,
        "received_at": clock.now(),
        **dict.fromkeys(("game_date", "builder", "status", "n_rows", "ignored")),
    }
    if event.type != FEATURES_COMPLETED:
        return row | {"ignored": f"nothing follows from a {event.type!r}"}
    row |= {"game_date": _date(event.data.get("game_date")), "n_rows": _count(event.data.get("rows"))}
    builder, status = _text(event, "builder"), STATUSES.get(_text(event, "status").lower())
    if builder not in BUILDERS:
        return row | {"builder": builder, "ignored": f"{builder!r} is none of the five builders"}
    if status is None:
        return row | {"builder": builder, "ignored": f"the status {_text(event, 'status')!r} is not known"}
    if status == COMPLETE and row["n_rows"] == 0:
        status = PARTIAL  # success with zero rows is none
    return row | {"builder": builder, "status": status}


def _text(event: Event, name: str) -> str:
    value = event.data.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 100:
        raise InvalidRequestError(f"data.{name}: it is no text of 1 to 100 characters.", field=f"data.{name}")
    return value


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        message = f"data.game_date: {str(value)[:40]!r} is not a date."
        raise InvalidRequestError(message, field="data.game_date", remedy="Write it as 2024-03-01.") from None


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise InvalidRequestError("data.rows: it is no count of rows.", field="data.rows")
    return value
