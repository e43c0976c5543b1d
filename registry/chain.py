"""The chain of the promotion history: each entry is sealed by a hash over the one before. Only moves write to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.tables import promotion_history
from registry.sealing import FIRST_PREVIOUS_HASH, seal
from registry.stages import Stage


@dataclass(frozen=True)
class Entry:
    """One attempt or move. `verdict` as Verdict.to_json wrote it; a refusal leaves the stage as it was."""

    seq: int
    model_name: str
    version: int
    action: str
    from_stage: Stage
    to_stage: Stage
    sha256: str
    at: datetime
    actor: str
    reason: str | None
    verdict: dict[str, Any] | None
    previous_hash: str
    hash: str

    def to_json(self) -> dict[str, Any]:
        """Plain values, the time as ISO 8601 in UTC."""
        return asdict(self) | {"at": self.at.astimezone(UTC).isoformat()}


@contextmanager
def exclusive(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A writing transaction that no other one overlaps: what is read in it holds until it commits."""
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("LOCK TABLE promotion_history IN SHARE ROW EXCLUSIVE MODE"))
        yield connection


def append(
    connection: sa.Connection,
    *,
    model_name: str,
    version: int,
    action: str,
    from_stage: Stage,
    to_stage: Stage,
    sha256: str,
    actor: str,
    reason: str | None = None,
    verdict: Mapping[str, Any] | None = None,
) -> Entry:
    """Write the next entry and return it; `connection` comes from `exclusive`.

    Its time is now, or the last entry's where the clock ran backwards: time and order agree.
    """
    last = _last(connection)
    unsealed: dict[str, Any] = {
        "seq": last.seq + 1 if last else 1,
        "model_name": model_name,
        "version": version,
        "action": action,
        "from_stage": from_stage,
        "to_stage": to_stage,
        "sha256": sha256,
        "at": max(clock.now(), last.at) if last else clock.now(),
        "actor": actor,
        "reason": reason,
        "verdict": dict(verdict) if verdict is not None else None,
        "previous_hash": last.hash if last else FIRST_PREVIOUS_HASH,
    }
    entry = Entry(**unsealed, hash=seal(unsealed))
    kept = asdict(entry) | {"from_stage": str(from_stage), "to_stage": str(to_stage)}
    connection.execute(
        sa.insert(promotion_history).values({name: value for name, value in kept.items() if value is not None})
    )
    return entry


def entries_in(connection: sa.Connection, model_name: str | None = None) -> list[Entry]:
    """`read_history` inside a transaction."""
    query = sa.select(promotion_history).order_by(promotion_history.c.seq)
    if model_name is not None:
        query = query.where(promotion_history.c.model_name == model_name)
    return [_entry(row) for row in connection.execute(query).mappings()]


def head(connection: sa.Connection) -> str:
    """'SEQ:HASH' of the newest entry ('0:000...' for none): kept elsewhere, it shows a history cut short."""
    last = _last(connection)
    return f"{last.seq}:{last.hash}" if last else f"0:{FIRST_PREVIOUS_HASH}"


def _last(connection: sa.Connection) -> Entry | None:
    query = sa.select(promotion_history).order_by(promotion_history.c.seq.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return _entry(row) if row is not None else None


def _entry(row: Mapping[Any, Any]) -> Entry:
    return Entry(**dict(row) | {"from_stage": Stage(row["from_stage"]), "to_stage": Stage(row["to_stage"])})
