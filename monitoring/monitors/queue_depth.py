"""queue_depth: what waits longer than it may: rows of batches, given-up player-games, events that nobody took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from contracts import clock
from contracts.events import FEATURES_COMPLETED, PREDICTIONS_COMPLETED
from contracts.settings import MonitorsSettings
from contracts.tables import ENDED_STATES, batches, builds, dead_letters, event_deliveries, ledger, outbox
from monitoring.readings import Reading
from monitoring.view import View

NAME = "queue_depth"
LEDGER, DEAD_LETTERS, OUTBOX = "ledger", "dead_letters", "outbox"
WHAT = {
    LEDGER: "rows of batches wait to be predicted",
    DEAD_LETTERS: "player-games were given up and not replayed",
    OUTBOX: "events were taken by nobody",
}


def read(view: View) -> list[Reading]:
    """A reading of each queue."""
    limits = view.settings.monitors
    before = clock.now() - timedelta(minutes=limits.max_waiting_minutes)
    is_told = {FEATURES_COMPLETED: True, PREDICTIONS_COMPLETED: bool(view.settings.coordinator.subscribers)}
    return judge(_depths(view.engine, before, [kind for kind, told in is_told.items() if told]), limits)


def judge(depths: Mapping[str, int], limits: MonitorsSettings) -> list[Reading]:
    """Bad where anything has waited for longer than `max_waiting_minutes`; `depths` counts it queue by queue."""
    return [
        Reading(
            NAME,
            queue,
            float(n),
            0.0,
            n,
            is_bad=n > 0,
            detail=f"{n} {WHAT[queue]}, for more than {limits.max_waiting_minutes:g} minutes.",
        )
        for queue, n in depths.items()
    ]


def _depths(engine: sa.Engine, before: datetime, told: Sequence[str]) -> dict[str, int]:
    """What has waited since `before`; events only of the types that somebody is `told` of."""
    open_rows = (
        sa.select(sa.func.count())
        .select_from(ledger.join(batches, batches.c.batch_id == ledger.c.batch_id))
        .where(ledger.c.state.not_in(ENDED_STATES), batches.c.started_at < before)
    )
    letters = sa.select(sa.func.count()).where(dead_letters.c.replayed_at.is_(None), dead_letters.c.died_at < before)
    taken = sa.select(event_deliveries.c.event_id)
    has_ended = sa.select(builds.c.build_id).where(builds.c.state != "running")
    events = sa.select(sa.func.count()).where(
        outbox.c.type.in_(told),
        outbox.c.event_id.not_in(taken),
        sa.or_(outbox.c.build_id.is_(None), outbox.c.build_id.in_(has_ended)),
        outbox.c.recorded_at < before,
    )
    with engine.connect() as connection:
        return {
            LEDGER: connection.execute(open_rows).scalar_one(),
            DEAD_LETTERS: connection.execute(letters).scalar_one(),
            OUTBOX: connection.execute(events).scalar_one(),
        }
