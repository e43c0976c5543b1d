"""How many challengers a champion has met: the gate's level is spent over all of them, dry runs too."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.tables import gate_attempts


def count_attempt(
    engine: sa.Engine,
    model_name: str,
    *,
    champion: int,
    challenger: int,
    build_id: int,
    date_to: date,
    n_rows: int,
) -> int:
    """Which attempt at `champion` this is, from 1; kept before any figure is seen.

    The same challenger on the same rows is the same attempt, however often it is looked at: nothing new can come of it.
    """
    same = {"model_name": model_name, "champion": champion, "challenger": challenger}
    rows = {"build_id": build_id, "date_to": date_to, "n_rows": n_rows}
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("LOCK TABLE gate_attempts IN SHARE ROW EXCLUSIVE MODE"))
        known = connection.execute(
            sa.select(gate_attempts.c.number).where(
                *(gate_attempts.c[name] == value for name, value in (same | rows).items())
            )
        ).scalar()
        if known is not None:
            return int(known)
        number = _n_attempts(connection, model_name, champion) + 1
        kept = {**same, **rows, "number": number, "attempted_at": clock.now()}
        connection.execute(sa.insert(gate_attempts).values(kept))
    return number


def n_attempts(engine: sa.Engine, model_name: str, champion: int) -> int:
    """How many attempts at `champion` there were."""
    with engine.connect() as connection:
        return _n_attempts(connection, model_name, champion)


def _n_attempts(connection: sa.Connection, model_name: str, champion: int) -> int:
    of_champion = (gate_attempts.c.model_name == model_name, gate_attempts.c.champion == champion)
    return int(connection.execute(sa.select(sa.func.max(gate_attempts.c.number)).where(*of_champion)).scalar() or 0)
