"""What a running service answered after a move: a promotion is proven by the first answer with its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.tables import promotion_proofs

ANSWERED, OTHER_VERSION, NO_SERVICE = "answered", "other_version", "no_service"


@dataclass(frozen=True)
class Proof:
    """`outcome`: answered (with the moved version's files), other_version (until the limit), no_service.

    `seconds` from the decision to the answer, or to giving up; `address` and `sha256` of the latest answer, if any.
    """

    seq: int
    outcome: str
    address: str | None
    sha256: str | None
    seconds: float
    proven_at: datetime

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"proven_at": self.proven_at.isoformat()}

    def __str__(self) -> str:
        if self.outcome == NO_SERVICE:
            return "No service answered: the next one that starts takes it from the registry."
        if self.outcome == OTHER_VERSION:
            return (
                f"The service at {self.address} still answered with sha256 {str(self.sha256)[:12]} after "
                f"{self.seconds:.1f} s: see its /readyz."
            )
        return f"The service at {self.address} answers with these files, {self.seconds:.1f} s after the decision."


def record_proof(
    engine: sa.Engine, seq: int, outcome: str, address: str | None, sha256: str | None, seconds: float
) -> Proof:
    """Keep, for ever, what was answered after entry `seq`."""
    proof = Proof(seq, outcome, address, sha256, seconds, clock.now())
    with writing(engine) as connection:
        connection.execute(sa.insert(promotion_proofs).values(asdict(proof)))
    return proof


def proofs_in(connection: sa.Connection) -> Mapping[int, Proof]:
    """The newest proof of each entry that has one, by its seq."""
    query = sa.select(promotion_proofs).order_by(promotion_proofs.c.proof_id)
    return {
        row["seq"]: Proof(**{name: value for name, value in row.items() if name != "proof_id"})
        for row in connection.execute(query).mappings()
    }
