"""Digests of batches: what each batch said, as a hash in a chain of its own, written when the batch ends."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.tables import batch_digests, ledger, predictions
from registry.history import head
from registry.sealing import FIRST_PREVIOUS_HASH, canonical, seal

SAID = (
    *("system", "model_version", "model_sha256", "train_to", "feature_set", "build_id", "target", "predicted"),
    *("interval_low", "interval_high", "line", "over_probability", "predicted_at"),
)
"""What of a prediction is sealed: changing any of it changes the digest."""


@dataclass(frozen=True)
class Digest:
    """What a batch had said when it ended, as SHA-256; `history_head` is the promotion history's at that moment.

    `at` is the time on the wall, also in a replay. A batch that is opened again and ends again has a second one.
    """

    seq: int
    batch_id: str
    n_predictions: int
    digest: str
    history_head: str
    at: datetime
    previous_hash: str
    hash: str

    @property
    def mark(self) -> str:
        """'SEQ:HASH', by which it is known outside."""
        return f"{self.seq}:{self.hash}"


def append_digest(connection: sa.Connection, batch_id: str) -> Digest:
    """Seal what the batch has said, in the transaction of its last row, which holds the batch.

    Its time is now, or the last entry's where the clock ran backwards: time and order agree.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE batch_digests IN SHARE ROW EXCLUSIVE MODE"))
    last = _last(connection)
    n_predictions, digest = digest_of(connection, batch_id)
    unsealed: dict[str, Any] = {
        "seq": last.seq + 1 if last else 1,
        "batch_id": batch_id,
        "n_predictions": n_predictions,
        "digest": digest,
        "history_head": head(connection),
        "at": max(clock.wall(), last.at) if last else clock.wall(),
        "previous_hash": last.hash if last else FIRST_PREVIOUS_HASH,
    }
    entry = Digest(**unsealed, hash=seal(unsealed))
    connection.execute(sa.insert(batch_digests).values(asdict(entry)))
    return entry


def digest_of(connection: sa.Connection, batch_id: str) -> tuple[int, str]:
    """How many predictions the batch has, and the SHA-256 (hex) over its rows as they stand in the database now.

    A row is a system's player-game: its state and reason, and the prediction where there is one.
    """
    columns = (ledger.c.system, ledger.c.game_id, ledger.c.player_id)
    query = (
        sa.select(
            *(column.label(f"row_{column.name}") for column in columns),
            *(ledger.c.state, ledger.c.reason, predictions.c.prediction_id.is_not(None).label("is_said")),
            *(predictions.c[name] for name in SAID),
        )
        .outerjoin(predictions, predictions.c.prediction_id == ledger.c.prediction_id)
        .where(ledger.c.batch_id == batch_id)
    )
    rows = sorted(connection.execute(query).mappings(), key=lambda row: tuple(row[f"row_{c.name}"] for c in columns))
    digest = hashlib.sha256()
    for row in rows:
        digest.update(canonical([_plain(value) for value in row.values()]).encode() + b"\n")
    return sum(bool(row["is_said"]) for row in rows), digest.hexdigest()


def digests_in(connection: sa.Connection) -> list[Digest]:
    """Every entry in order, inside a transaction."""
    query = sa.select(batch_digests).order_by(batch_digests.c.seq)
    return [_entry(row) for row in connection.execute(query).mappings()]


def heads(engine: sa.Engine) -> dict[str, str]:
    """history and digests: 'SEQ:HASH' of the newest entry of each chain ('0:000...' for none).

    Kept elsewhere, in a printed report say, they show a chain that was cut or rewritten.
    """
    with engine.connect() as connection:
        last = _last(connection)
        return {"history": head(connection), "digests": last.mark if last else f"0:{FIRST_PREVIOUS_HASH}"}


def _last(connection: sa.Connection) -> Digest | None:
    query = sa.select(batch_digests).order_by(batch_digests.c.seq.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return None if row is None else _entry(row)


def _entry(row: Mapping[Any, Any]) -> Digest:
    return Digest(**row)


def _plain(value: Any) -> Any:
    """A value as JSON has it, whatever the database: flags as true and false, times in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value.isoformat() if hasattr(value, "isoformat") else value
