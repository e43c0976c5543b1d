"""Builds that ended, told in the transaction that ended them."""

from __future__ import annotations

import sqlalchemy as sa

from contracts.events import BACKFILL_DONE, BACKFILL_FAILED, record_milestone
from contracts.tables import builds

COMMAND = "tipoff features backfill --feature-set {}"


def tell_done(connection: sa.Connection, build_id: int) -> None:
    """The build is done."""
    row = _read(connection, build_id)
    message = (
        f"Build {build_id} of {row.feature_set} is done: {row.n_dates:,} dates computed, {row.n_rows:,} rows in all."
    )
    evidence = {"rows": row.n_rows, "dates": row.n_dates}
    _tell(connection, BACKFILL_DONE, row, message, "tipoff features status", evidence)


def tell_failed(connection: sa.Connection, build_id: int) -> None:
    """The build failed, and why: its gates, an error, or that it was interrupted."""
    row = _read(connection, build_id)
    message = f"Build {build_id} of {row.feature_set} failed: {row.failure}"
    _tell(connection, BACKFILL_FAILED, row, message, COMMAND.format(row.feature_set), {"failure": row.failure})


def _read(connection: sa.Connection, build_id: int) -> sa.Row[tuple[object, ...]]:
    return connection.execute(sa.select(builds).where(builds.c.build_id == build_id)).one()


def _tell(
    connection: sa.Connection,
    kind: str,
    row: sa.Row[tuple[object, ...]],
    message: str,
    remedy: str,
    evidence: dict[str, object],
) -> None:
    same = {"build_id": row.build_id, "feature_set": row.feature_set, "started_at": row.started_at.isoformat()}
    record_milestone(connection, kind, f"build {row.build_id}", message, remedy, same | evidence)
