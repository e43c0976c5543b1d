"""The ledger: one row a batch, system and player-game; claimed under a lease, ended once.

A claim is a conditional update (SQLite) or `FOR UPDATE SKIP LOCKED` (PostgreSQL). A lease that runs out costs work and
never truth: whoever ends a row must still be its worker, in the same transaction that stores the prediction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.settings import CoordinatorSettings
from contracts.tables import batches, ledger, predictions
from serving.store import insert_predictions
from tipoff.coordinator.batches import end_if_done, hold
from tipoff.coordinator.dead_letters import bury
from tipoff.coordinator.expectation import Key
from tipoff.coordinator.states import State

WORKER_LOST = "worker_lost"
WRONG_CLOCK = timedelta(minutes=10)
"""A lease or a pause that ends later than this was given by a clock that went wrong."""


@dataclass(frozen=True)
class Claim:
    """Player-games of one batch and system that `worker` holds; `attempt` is the highest of theirs."""

    batch_id: str
    game_date: date
    system: str
    model_version: int
    worker: str
    keys: Sequence[Key]
    attempt: int


@dataclass(frozen=True)
class End:
    """How a player-game ended: predicted (then `prediction` is the row to store), or skipped with its reason."""

    prediction: Mapping[str, Any] | None = None
    reason: str | None = None
    detail: str | None = None


def claim(engine: sa.Engine, worker: str, limits: CoordinatorSettings) -> Claim | None:
    """Rows that wait, or whose worker gave no sign for the length of its lease, now held by `worker`; None: no work.

    The oldest batch comes first; all rows are of one system, at most `chunk_rows`.
    """
    now = clock.now()
    with engine.connect() as connection:  # most looks find nothing, and take no lock
        if connection.execute(_pairs(now).limit(1)).first() is None:
            return None
    with writing(engine) as connection:
        _give_up_lost(connection, now, limits)
        for pair in connection.execute(_pairs(now)).all():
            held = _take(connection, pair, worker, now, limits)
            if held:
                return Claim(
                    batch_id=pair.batch_id,
                    game_date=pair.game_date,
                    system=pair.system,
                    model_version=pair.model_version,
                    worker=worker,
                    keys=[(row.game_id, row.player_id) for row in held],
                    attempt=max(row.attempt for row in held),
                )
    return None


def extend(engine: sa.Engine, held: Claim, limits: CoordinatorSettings) -> int:
    """A sign of life: how many rows of the claim its worker still holds, from now on for another lease."""
    until = clock.now() + timedelta(seconds=limits.lease_seconds)
    with writing(engine) as connection:
        signed = sa.update(ledger).where(*_held_by(held)).values(leased_until=until)
        return int(connection.execute(signed).rowcount)


def end(engine: sa.Engine, held: Claim, ends: Mapping[Key, End]) -> int:
    """Store the predictions and end the rows of `ends` in one transaction; returns how many ended.

    Rows that another worker has taken over since are left to it, their predictions too.
    """
    with writing(engine) as connection:
        hold(connection, held.batch_id)
        mine = _still_mine(connection, held)
        kept = {key: ended for key, ended in ends.items() if key in mine}
        said = [dict(ended.prediction) for ended in kept.values() if ended.prediction is not None]
        insert_predictions(connection, said)
        ids = _prediction_ids(connection, said)
        _write(connection, held, [_ended_values(key, ended, ids) for key, ended in kept.items()])
        end_if_done(connection, held.batch_id)
    return len(kept)


def try_again(engine: sa.Engine, held: Claim, reason: str, detail: str, limits: CoordinatorSettings) -> int:
    """Let the rows of the claim wait for another try, or give up those that had their last: returns how many."""
    with writing(engine) as connection:
        hold(connection, held.batch_id)
        is_last = ledger.c.attempt >= limits.max_attempts
        n_dead = bury(connection, [*_held_by(held), is_last], reason, detail)
        pause = timedelta(seconds=limits.retry_seconds * 2 ** (held.attempt - 1))
        connection.execute(
            sa.update(ledger)
            .where(*_held_by(held))
            .values(
                state=str(State.WAITING),
                reason=reason,
                detail=detail,
                leased_until=None,
                not_before=clock.now() + pause,
            )
        )
        end_if_done(connection, held.batch_id)
    return n_dead


def _pairs(now: datetime) -> sa.Select[Any]:
    """(batch_id, game_date, system, model_version) with rows that may be claimed now, the oldest batch first."""
    return (
        sa.select(ledger.c.batch_id, batches.c.game_date, ledger.c.system, ledger.c.model_version)
        .join(batches, batches.c.batch_id == ledger.c.batch_id)
        .where(_is_claimable(now))
        .group_by(ledger.c.batch_id, batches.c.game_date, batches.c.started_at, ledger.c.system, ledger.c.model_version)
        .order_by(batches.c.started_at, ledger.c.batch_id, ledger.c.system)
    )


def _is_claimable(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a row waits, its pause over, or its lease has ended; a time that no clock can have meant binds nobody."""
    row, skewed = ledger.c, now + WRONG_CLOCK
    may_begin = sa.or_(row.not_before.is_(None), row.not_before <= now, row.not_before > skewed)
    is_lost = sa.or_(row.leased_until < now, row.leased_until > skewed)
    return sa.or_(
        sa.and_(row.state == str(State.WAITING), may_begin), sa.and_(row.state == str(State.CLAIMED), is_lost)
    )


def _take(
    connection: sa.Connection, pair: sa.Row[Any], worker: str, now: datetime, limits: CoordinatorSettings
) -> Sequence[sa.Row[Any]]:
    """Claim rows of the pair that nobody else is claiming; (game_id, player_id, attempt) of each."""
    key = sa.tuple_(ledger.c.game_id, ledger.c.player_id)
    free = (
        sa.select(ledger.c.game_id, ledger.c.player_id)
        .where(ledger.c.batch_id == pair.batch_id, ledger.c.system == pair.system, _is_claimable(now))
        .order_by(ledger.c.game_id, ledger.c.player_id)
        .limit(limits.chunk_rows)
        .with_for_update(skip_locked=True)
        .cte("free")
        .prefix_with("MATERIALIZED")  # as a plain subquery it may run again within the update, and lock ever more
    )
    update = (
        sa.update(ledger)
        .where(ledger.c.batch_id == pair.batch_id, ledger.c.system == pair.system, key.in_(sa.select(free)))
        .values(
            state=str(State.CLAIMED),
            worker=worker,
            leased_until=now + timedelta(seconds=limits.lease_seconds),
            attempt=ledger.c.attempt + 1,
            not_before=None,
        )
        .returning(ledger.c.game_id, ledger.c.player_id, ledger.c.attempt)
    )
    return connection.execute(update).all()


def _give_up_lost(connection: sa.Connection, now: datetime, limits: CoordinatorSettings) -> None:
    """Rows whose workers died again and again are not given to another: they may be what kills them."""
    lost = (
        ledger.c.state == str(State.CLAIMED),
        ledger.c.leased_until < now,
        ledger.c.attempt >= limits.max_claims,
    )
    batch_ids = sorted(connection.scalars(sa.select(ledger.c.batch_id).where(*lost).distinct()))
    for batch_id in batch_ids:  # all are held before one ends, in the same order by everybody: no deadlock
        hold(connection, batch_id)
    for batch_id in batch_ids:
        detail = f"{limits.max_claims} workers claimed it and gave no sign for the length of their lease."
        bury(connection, [ledger.c.batch_id == batch_id, *lost], WORKER_LOST, detail)
        end_if_done(connection, batch_id)


def _held_by(held: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        ledger.c.batch_id == held.batch_id,
        ledger.c.system == held.system,
        ledger.c.state == str(State.CLAIMED),
        ledger.c.worker == held.worker,
    )


def _still_mine(connection: sa.Connection, held: Claim) -> set[Key]:
    query = sa.select(ledger.c.game_id, ledger.c.player_id).where(*_held_by(held)).with_for_update()
    return {(row.game_id, row.player_id) for row in connection.execute(query)}


def _prediction_ids(connection: sa.Connection, said: Sequence[Mapping[str, Any]]) -> dict[Key, int]:
    """The stored prediction of each player-game of `said`, which are all of one version, build and date."""
    if not said:
        return {}
    first = said[0]
    same = ("game_date", "system", "model_version", "build_id")
    query = sa.select(predictions.c.game_id, predictions.c.player_id, predictions.c.prediction_id).where(
        *(predictions.c[name] == first[name] for name in same)
    )
    return {(row.game_id, row.player_id): row.prediction_id for row in connection.execute(query)}


def _ended_values(key: Key, ended: End, ids: Mapping[Key, int]) -> dict[str, Any]:
    is_predicted = ended.prediction is not None
    return {
        "of_game": key[0],
        "of_player": key[1],
        "state": str(State.PREDICTED if is_predicted else State.SKIPPED),
        "reason": ended.reason,
        "detail": ended.detail,
        "prediction_id": ids[key] if is_predicted else None,
    }


def _write(connection: sa.Connection, held: Claim, values: Sequence[dict[str, Any]]) -> None:
    if not values:
        return
    update = (
        sa.update(ledger)
        .where(
            ledger.c.batch_id == held.batch_id,
            ledger.c.system == held.system,
            ledger.c.game_id == sa.bindparam("of_game"),
            ledger.c.player_id == sa.bindparam("of_player"),
        )
        .values(
            state=sa.bindparam("state"),
            reason=sa.bindparam("reason"),
            detail=sa.bindparam("detail"),
            prediction_id=sa.bindparam("prediction_id"),
            leased_until=None,
            ended_at=clock.now(),
        )
    )
    connection.execute(update, list(values))
