"""The ledger of looks: every time a test season's figures were made, kept for ever, before anybody sees them.

Whoever looks at a season often and keeps the best has chosen by it, and its figure is no test any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from contracts.clock import now
from contracts.database import writing
from contracts.tables import backtest_looks


@dataclass(frozen=True)
class Look:
    """What was tested on a season (its start year), how, on which rows, and what was seen.

    `populations` is population -> {n, mae, ...}, plain values.
    """

    test_season: int
    system: str
    hyperparameters: Mapping[str, Any]
    feature_set: str
    feature_set_hash: str
    build_id: int
    dataset_sha256: str
    target: str
    retrain: str
    populations: Mapping[str, Mapping[str, Any]]

    def mae(self, population: str) -> float | None:
        """The mean absolute error that was seen on `population`, or None where it had no rows."""
        seen = self.populations.get(population)
        return float(seen["mae"]) if seen else None

    def span(self, population: str) -> tuple[str, str] | None:
        """The first and last date of the rows of `population`, in ISO 8601, or None where nothing is said of them."""
        seen = self.populations.get(population, {})
        return (seen["date_from"], seen["date_to"]) if "date_from" in seen else None


@dataclass(frozen=True)
class KeptLook:
    """A look in the ledger, and when it was made (UTC)."""

    look: Look
    looked_at: datetime


def keep_look(engine: sa.Engine, look: Look) -> list[KeptLook]:
    """Write `look` into the ledger and return those at the same season before it, oldest first.

    Looks made at the same time come one after the other: no two of them return the same list.
    Raises ValueError for a figure that is not finite.
    """
    json.dumps(asdict(look), allow_nan=False)  # a figure that is none must not be kept for ever
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("LOCK TABLE backtest_looks IN SHARE ROW EXCLUSIVE MODE"))
        earlier = _looks_at(connection, look.test_season)
        connection.execute(backtest_looks.insert().values(**asdict(look), looked_at=now()))
    return earlier


def looks_at(engine: sa.Engine, test_season: int) -> list[KeptLook]:
    """Every look at the season that began in `test_season`, oldest first."""
    with engine.connect() as connection:
        return _looks_at(connection, test_season)


def best_of(
    looks: Iterable[KeptLook], target: str, population: str, span: tuple[str, str] | None = None
) -> KeptLook | None:
    """The look that saw the lowest mean absolute error of `target` on `population`; None where none saw any.

    With `span` only looks at those very dates count: a figure of other dates is no figure to be held against.
    """
    alike = [one for one in looks if one.look.target == target and span in (None, one.look.span(population))]
    seen = [(mae, kept) for kept in alike if (mae := kept.look.mae(population)) is not None]
    return min(seen, key=lambda one: one[0])[1] if seen else None


def _looks_at(connection: sa.Connection, test_season: int) -> list[KeptLook]:
    kept = backtest_looks.c
    query = sa.select(backtest_looks).where(kept.test_season == test_season).order_by(kept.look_id)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return [KeptLook(Look(**{name: row[name] for name in Look.__annotations__}), row["looked_at"]) for row in rows]
