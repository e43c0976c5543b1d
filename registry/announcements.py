"""Which entries of the history a webhook has taken."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.tables import notifications
from registry.history import Entry, read_history


def undelivered(engine: sa.Engine, address: str, actions: Collection[str], since: datetime) -> list[Entry]:
    """The entries with one of `actions`, from `since` on, that `address` has not taken, oldest first.

    A step through Staging on the way to Production, which has no verdict of its own, is not told apart.
    """
    entries = read_history(engine)
    with engine.connect() as connection:
        query = sa.select(notifications.c.seq).where(notifications.c.address == address)
        taken = set(connection.scalars(query))
    return [
        entry
        for entry in entries
        if entry.action in actions
        and entry.at >= since
        and entry.seq not in taken
        and not (entry.action == "promote" and entry.verdict is None)
    ]


def keep_delivery(engine: sa.Engine, seq: int, address: str) -> None:
    """`address` has taken entry `seq`."""
    with writing(engine) as connection:
        known = sa.select(notifications.c.seq).where(notifications.c.seq == seq, notifications.c.address == address)
        if connection.execute(known).first() is None:
            values = {"seq": seq, "address": address, "delivered_at": clock.now()}
            connection.execute(sa.insert(notifications).values(values))
