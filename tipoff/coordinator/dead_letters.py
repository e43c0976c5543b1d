"""Rows that were given up after their last try: kept with the reason, listed, and put back when somebody says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.tables import dead_letters, ledger
from tipoff.coordinator.batches import hold, reopen
from tipoff.coordinator.states import State

COPIED = ("batch_id", "system", "game_id", "player_id", "attempt")


def bury(connection: sa.Connection, conditions: Sequence[sa.ColumnElement[bool]], reason: str, detail: str) -> int:
    """Fail the rows of the ledger under `conditions`, whose batch is held, each with a letter; returns how many."""
    now = clock.now()
    rows = connection.execute(sa.select(*(ledger.c[name] for name in COPIED)).where(*conditions)).mappings().all()
    if not rows:
        return 0
    connection.execute(
        sa.insert(dead_letters), [{**row, "reason": reason, "detail": detail, "died_at": now} for row in rows]
    )
    failed = {"state": str(State.FAILED), "reason": reason, "detail": detail, "leased_until": None, "ended_at": now}
    connection.execute(sa.update(ledger).where(*conditions).values(failed))
    return len(rows)


def list_dead_letters(engine: sa.Engine, batch_id: str | None = None) -> list[dict[str, Any]]:
    """The letters that were not replayed, of one batch or of all, oldest first."""
    query = sa.select(dead_letters).where(dead_letters.c.replayed_at.is_(None)).order_by(dead_letters.c.dead_letter_id)
    if batch_id is not None:
        query = query.where(dead_letters.c.batch_id == batch_id)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def replay(engine: sa.Engine, batch_id: str | None = None) -> int:
    """Put the rows of the letters that were not replayed back into their batches, to be tried as if never; how many.

    Their batches are open again until those rows have ended.
    """
    replayed = 0
    for each in dict.fromkeys(letter["batch_id"] for letter in list_dead_letters(engine, batch_id)):
        with writing(engine) as connection:
            hold(connection, each)
            n_back = _put_back(connection, each)
            if n_back:
                reopen(connection, each)
            replayed += n_back
    return replayed


def _put_back(connection: sa.Connection, batch_id: str) -> int:
    lying = (dead_letters.c.batch_id == batch_id, dead_letters.c.replayed_at.is_(None))
    letter, row = dead_letters.c, ledger.c
    key = sa.tuple_(row.system, row.game_id, row.player_id)
    dead = key.in_(sa.select(letter.system, letter.game_id, letter.player_id).where(*lying))
    as_new = dict.fromkeys(("reason", "detail", "not_before", "worker", "ended_at"))
    back = (
        sa.update(ledger)
        .where(row.batch_id == batch_id, row.state == str(State.FAILED), dead)
        .values(state=str(State.WAITING), attempt=0, **as_new)
    )
    n_back = connection.execute(back).rowcount
    connection.execute(sa.update(dead_letters).where(*lying).values(replayed_at=clock.now()))
    return n_back
