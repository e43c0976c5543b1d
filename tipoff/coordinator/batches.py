"""Batches: the revisions of a date, opened once, ended when the last row of their ledger has ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.events import PREDICTIONS_COMPLETED, record_events
from contracts.tables import batches, ledger
from registry.digests import append_digest
from systems.catalog import system_names
from tipoff.coordinator.expectation import Expectation, ExpectedRow
from tipoff.coordinator.faults import UnknownBatchError
from tipoff.coordinator.states import ENDED, State

NO_VERSION = "no_version"


@dataclass(frozen=True)
class Batch:
    """One revision of a date; `inputs_hash` tells what it was to be predicted from."""

    batch_id: str
    game_date: date
    revision: int
    inputs_hash: str
    started_at: datetime
    ended_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether a row of it is still to end."""
        return self.ended_at is None


def open_batch(engine: sa.Engine, expected: Expectation) -> tuple[Batch, bool]:
    """The batch of `expected`, and whether this call opened it.

    While the newest batch of the date is open, or where it was about the same inputs, it is that one; otherwise a new
    revision begins, and the earlier ones stay as they are. Callers at once get the same.
    """
    with writing(engine) as connection:
        _one_at_a_time(connection, expected.game_date)
        newest = newest_in(connection, expected.game_date)
        if newest is not None and (newest.is_open or newest.inputs_hash == expected.inputs_hash):
            return newest, False
        revision = newest.revision + 1 if newest is not None else 1
        made = Batch(
            batch_id=f"{expected.game_date.isoformat()}-r{revision}",
            game_date=expected.game_date,
            revision=revision,
            inputs_hash=expected.inputs_hash,
            started_at=clock.now(),
            ended_at=None,
        )
        connection.execute(sa.insert(batches).values(vars(made)))
        connection.execute(sa.insert(ledger), [_ledger_row(made, row) for row in expected.rows])
        end_if_done(connection, made.batch_id)
        return batch_in(connection, made.batch_id), True


def find_batch(engine: sa.Engine, *, batch_id: str | None = None, game_date: date | None = None) -> Batch:
    """The batch of that id, else the newest revision of that date, else the newest of all.

    Raises UnknownBatchError where there is none.
    """
    with engine.connect() as connection:
        if batch_id is not None:
            return batch_in(connection, batch_id)
        found = newest_in(connection, game_date)
    if found is None:
        what = f"of {game_date.isoformat()}" if game_date is not None else "yet"
        raise UnknownBatchError(f"There is no batch {what}.", remedy="`tipoff batch start --game-date D` starts one.")
    return found


def batch_in(connection: sa.Connection, batch_id: str) -> Batch:
    """The batch of that id, inside a transaction.

    Raises UnknownBatchError where there is none.
    """
    row = connection.execute(sa.select(batches).where(batches.c.batch_id == batch_id)).one_or_none()
    if row is None:
        raise UnknownBatchError(
            f"There is no batch {batch_id!r}.", remedy="`tipoff batch status --game-date D` finds the batch of a date."
        )
    return Batch(**row._mapping)


def newest_in(connection: sa.Connection, game_date: date | None) -> Batch | None:
    """The newest revision of the date (None: the batch that was started last), inside a transaction."""
    query = sa.select(batches).order_by(batches.c.started_at.desc(), batches.c.revision.desc()).limit(1)
    if game_date is not None:
        query = query.where(batches.c.game_date == game_date).order_by(None).order_by(batches.c.revision.desc())
    row = connection.execute(query).one_or_none()
    return None if row is None else Batch(**row._mapping)


def hold(connection: sa.Connection, batch_id: str) -> None:
    """Let nobody else end rows of the batch until this transaction ends: the last one must see that it is the last."""
    connection.execute(sa.select(batches.c.batch_id).where(batches.c.batch_id == batch_id).with_for_update())


def end_if_done(connection: sa.Connection, batch_id: str) -> bool:
    """Whether no row of the batch, which is held, was left to end: then it has ended, what it said is sealed, and
    everybody is told, with the seal.

    Last in a transaction: the seals are made one at a time.
    """
    left = sa.select(ledger.c.batch_id).where(
        ledger.c.batch_id == batch_id, ledger.c.state.not_in([str(state) for state in ENDED])
    )
    if connection.execute(left.limit(1)).first() is not None:
        return False
    ended = sa.update(batches).where(batches.c.batch_id == batch_id, batches.c.ended_at.is_(None))
    if connection.execute(ended.values(ended_at=clock.now())).rowcount != 1:
        return False
    told = _summary(connection, batch_id) | {"digest": append_digest(connection, batch_id).mark}
    record_events(connection, PREDICTIONS_COMPLETED, batch_id, [told])
    return True


def reopen(connection: sa.Connection, batch_id: str) -> None:
    """The batch, rows of which wait again, has not ended any more."""
    connection.execute(sa.update(batches).where(batches.c.batch_id == batch_id).values(ended_at=None))


def _summary(connection: sa.Connection, batch_id: str) -> dict[str, Any]:
    """What is told of a batch that has ended."""
    batch = batch_in(connection, batch_id)
    counting = sa.select(ledger.c.system, ledger.c.state, sa.func.count()).where(ledger.c.batch_id == batch_id)
    rows = connection.execute(counting.group_by(ledger.c.system, ledger.c.state)).all()
    counts = {str(state): sum(n for _, found, n in rows if found == state) for state in sorted(ENDED)}
    expected = sum(counts.values())
    return {
        "batch_id": batch_id,
        "game_date": batch.game_date.isoformat(),
        "revision": batch.revision,
        "systems": sorted({system for system, _, _ in rows}),
        "expected": expected,
        **counts,
        "coverage": counts[State.PREDICTED] / expected if expected else 0.0,
    }


def _ledger_row(batch: Batch, row: ExpectedRow) -> dict[str, Any]:
    """A row as it begins: it waits; where no version answers to its system, it has ended, and says so."""
    is_there = row.model_version is not None
    return {
        "batch_id": batch.batch_id,
        "system": row.system,
        "game_id": row.game_id,
        "player_id": row.player_id,
        "model_version": row.model_version,
        "state": str(State.WAITING if is_there else State.SKIPPED),
        "reason": None if is_there else NO_VERSION,
        "detail": None if is_there else f"No version answers to {row.system!r}: {_what_makes_one(row.system)}.",
        "attempt": 0,
        "ended_at": None if is_there else batch.started_at,
    }


def _what_makes_one(system: str) -> str:
    return f"`tipoff train --system {system}`" if system in system_names() else "`tipoff train`, then `tipoff promote`"


def _one_at_a_time(connection: sa.Connection, game_date: date) -> None:
    """Callers about one date wait for each other. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(7207, game_date.toordinal())))
