"""Alarms: what did not happen though it was expected, raised once, and resolved when it is so no more."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.tables import alarms

log = logging.getLogger("tipoff.alarms")


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be: its name, what it is about, a sentence, and the command to run."""

    name: str
    subject: str
    message: str
    remedy: str


def keep_alarms(engine: sa.Engine, origin: str, findings: Sequence[Finding]) -> tuple[list[Finding], int]:
    """Make `findings` the alarms of `origin` that stand; returns those that are new, and how many others are resolved.

    One that stands already is seen again, and not raised twice. Alarms of other origins stay as they are: whoever
    raised one looks whether it still is so.
    """
    now = clock.now()
    found = {(finding.name, finding.subject): finding for finding in findings}
    with writing(engine) as connection:
        standing = {(row.name, row.subject): row.alarm_id for row in connection.execute(_standing(origin))}
        new = [finding for key, finding in found.items() if key not in standing]
        over = [alarm_id for key, alarm_id in standing.items() if key not in found]
        seen = [alarm_id for key, alarm_id in standing.items() if key in found]
        connection.execute(sa.update(alarms).where(alarms.c.alarm_id.in_(over)).values(resolved_at=now))
        connection.execute(sa.update(alarms).where(alarms.c.alarm_id.in_(seen)).values(seen_at=now))
        if new:
            connection.execute(sa.insert(alarms), [_row(origin, each, now) for each in new])
    for finding in new:
        log.error("%s", finding.message, extra={"told": {"alarm": finding.name, "remedy": finding.remedy}})
    return new, len(over)


def standing_alarms(engine: sa.Engine) -> list[dict[str, Any]]:
    """The alarms that stand now, whatever their origin, oldest first."""
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(_standing()).mappings()]


def _standing(origin: str | None = None) -> sa.Select[Any]:
    query = sa.select(alarms).where(alarms.c.resolved_at.is_(None)).order_by(alarms.c.alarm_id)
    return query if origin is None else query.where(alarms.c.origin == origin)


def _row(origin: str, finding: Finding, now: datetime) -> dict[str, Any]:
    return {**vars(finding), "origin": origin, "raised_at": now, "seen_at": now}
