"""What the batches said is held against their digests: whoever changes, deletes or adds a prediction is found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from contracts.clock import earliest_tip_off
from contracts.events import PREDICTIONS_COMPLETED
from contracts.tables import batches, games, ledger, outbox
from registry.digests import Digest, digest_of, digests_in
from registry.sealing import FIRST_PREVIOUS_HASH, seal


@dataclass(frozen=True)
class Sealed:
    """What a look at the digests found; `breaks` is empty where they hold, each a sentence that names its batch.

    `sealed_before_tip_off` counts the entries that were written before the first game of their batch began,
    `sealed_later` the others. `open_again` are batches that wait for an end after they had one, and `unsealed` those
    that ended and told nobody of a digest (before there were any): neither can be checked.
    """

    entries: int
    sealed_before_tip_off: int
    sealed_later: int
    open_again: list[str] = field(default_factory=list)
    unsealed: list[str] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def verify_digests(engine: sa.Engine, known_head: str | None = None, *, since: date | None = None) -> Sealed:
    """Check the chain, the newest digest of each batch that has ended, and that every digest that was told is there.

    `known_head` ('SEQ:HASH', kept outside this database) is to be an entry, where it is given. What batches said is
    computed again of dates from `since` on (None: of all), which takes time; the chain is always checked whole.
    """
    with engine.connect() as connection:
        entries = digests_in(connection)
        known = connection.execute(sa.select(batches.c.batch_id, batches.c.ended_at, batches.c.game_date)).all()
        ended_at = {row.batch_id: row.ended_at for row in known}
        asked = {row.batch_id for row in known if row.ended_at and (since is None or row.game_date >= since)}
        told = _told(connection)
        begins = _first_tip_offs(connection)
        newest = {entry.batch_id: entry for entry in entries}
        broken = [*_chain_breaks(entries), *_lost(entries, told, known_head)]
        broken += [
            f"batch {batch_id}, which is sealed, is not there any more" for batch_id in set(newest) - set(ended_at)
        ]
        broken += [
            fault for batch_id in newest if batch_id in asked for fault in _changed(connection, newest[batch_id])
        ]
    unsealed = [batch_id for batch_id, ended in ended_at.items() if ended is not None and batch_id not in newest]
    n_before = sum(entry.batch_id in begins and entry.at < begins[entry.batch_id] for entry in entries)
    return Sealed(
        entries=len(entries),
        sealed_before_tip_off=n_before,
        sealed_later=len(entries) - n_before,
        open_again=sorted(batch_id for batch_id in newest if ended_at.get(batch_id, True) is None),
        unsealed=sorted(set(unsealed) - set(told)),
        breaks=broken,
    )


def _chain_breaks(entries: Sequence[Digest]) -> Iterator[str]:
    for before, entry in zip([None, *entries], entries, strict=False):
        name = f"digest {entry.seq} (batch {entry.batch_id})"
        if entry.seq != (before.seq + 1 if before else 1):
            yield f"{name} follows digest {before.seq if before else 0}: what stood between was removed"
        if entry.previous_hash != (before.hash if before else FIRST_PREVIOUS_HASH):
            yield f"{name} names another hash than that of the digest before it"
        if seal({key: value for key, value in asdict(entry).items() if key != "hash"}) != entry.hash:
            yield f"{name} was altered: its hash is not that of what it says"


def _lost(entries: Sequence[Digest], told: Mapping[str, set[str]], known_head: str | None) -> Iterator[str]:
    """Digests that somebody was told of and that are not there: the chain was cut or written anew."""
    there = {entry.mark for entry in entries}
    for batch_id, marks in told.items():
        for mark in sorted(marks - there):
            yield f"batch {batch_id} ended with digest {_short(mark)}, which is not there"
    if known_head is not None and known_head not in there | {f"0:{FIRST_PREVIOUS_HASH}"}:
        yield f"digest {_short(known_head)}, known outside, is not there: the chain was cut or rewritten"


def _changed(connection: sa.Connection, entry: Digest) -> Iterator[str]:
    n_now, digest = digest_of(connection, entry.batch_id)
    if digest == entry.digest:
        return
    counts = f"{entry.n_predictions} predictions were sealed, {n_now} are there"
    if n_now == entry.n_predictions:
        counts = f"its {n_now} predictions, or why others are missing, are not what was sealed"
    yield f"batch {entry.batch_id} was altered after it ended: {counts}"


def _told(connection: sa.Connection) -> dict[str, set[str]]:
    """batch -> the digests that its ends told everybody of."""
    query = sa.select(outbox.c.subject, outbox.c.data).where(outbox.c.type == PREDICTIONS_COMPLETED)
    found: dict[str, set[str]] = {}
    for batch_id, data in connection.execute(query):
        if "digest" in data:
            found.setdefault(batch_id, set()).add(data["digest"])
    return found


def _first_tip_offs(connection: sa.Connection) -> dict[str, datetime]:
    """batch -> when the first of its games begins: where that is not known, the earliest that any may."""
    about = sa.select(ledger.c.batch_id, ledger.c.game_id).distinct().subquery()
    query = sa.select(about.c.batch_id, games.c.tip_off_at, games.c.game_date).join(
        games, games.c.game_id == about.c.game_id
    )
    first: dict[str, datetime] = {}
    for batch_id, tip_off_at, game_date in connection.execute(query):
        moment = tip_off_at or earliest_tip_off(game_date)
        first[batch_id] = min(moment, first.get(batch_id, moment))
    return first


def _short(mark: str) -> str:
    """'12:0f3a...' -> '12 (hash 0f3a...)', of the hash its first twelve digits."""
    seq, _, hash_ = mark.partition(":")
    return f"{seq} (hash {hash_[:12]})"
