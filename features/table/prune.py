"""Prune: rows of builds that nobody needs are deleted; every build that is kept stays bit for bit readable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.tables import builds, model_versions, predictions
from features.builders.compute import BUILDERS
from features.table.builds import FEATURE_STORE
from features.table.lock import backfill_lock


@dataclass(frozen=True)
class PrunePlan:
    """What a pruning deletes and what it leaves.

    kept: build -> why ('current', 'version 3', '212 predictions', 'unfinished'); pruned: the builds whose rows nobody
    could read afterwards; rows: rows to delete by table; bytes: about what they take, indexes included (None: this
    database cannot tell).
    """

    kept: Mapping[int, list[str]]
    pruned: list[int]
    rows: Mapping[str, int]
    bytes: int | None

    @property
    def n_rows(self) -> int:
        """Rows to delete in all tables."""
        return sum(self.rows.values())


def plan_prune(engine: sa.Engine) -> PrunePlan:
    """What `prune` would delete now, and what it would keep and why."""
    with engine.connect() as connection:
        return _plan(connection)


def prune(engine: sa.Engine, *, wait_seconds: float = 60.0) -> PrunePlan:
    """Delete the rows that no kept build has, and mark the other builds pruned; what was deleted.

    Kept are the current build of each feature set, every build that a registered version or a stored prediction
    names, and what an unfinished build has written. All of it is one transaction, while no backfill runs; an SQLite
    file gives its free pages back afterwards.

    Raises RefusedError where a backfill still runs after `wait_seconds`.
    """
    with backfill_lock(engine, wait_seconds):
        with writing(engine) as connection:
            # a version registered now names its build before this looks, or finds it pruned
            connection.execute(sa.select(builds.c.build_id).with_for_update()).all()
            plan = _plan(connection)
            for table, nobody_reads in _unread_rows(connection, plan.kept):
                connection.execute(sa.delete(table).where(nobody_reads))
            connection.execute(
                sa.update(builds).where(builds.c.build_id.in_(plan.pruned)).values(pruned_at=clock.now())
            )
        if plan.n_rows and engine.dialect.name == "sqlite":
            _give_back(engine)
    return plan


def _plan(connection: sa.Connection) -> PrunePlan:
    kept = _kept(connection)
    rows = {
        table.name: connection.execute(sa.select(sa.func.count()).select_from(table).where(nobody_reads)).scalar_one()
        for table, nobody_reads in _unread_rows(connection, kept)
    }
    readable = sa.select(builds.c.build_id).where(builds.c.state == "done", builds.c.pruned_at.is_(None))
    done = connection.execute(readable.order_by(builds.c.build_id)).scalars()
    return PrunePlan(
        kept=kept,
        pruned=[build_id for build_id in done if build_id not in kept],
        rows=rows,
        bytes=_bytes_of(connection, rows),
    )


def _kept(connection: sa.Connection) -> dict[int, list[str]]:
    """Build -> why its rows must stay, in order."""
    reasons: dict[int, list[str]] = {}
    newest: dict[str, int] = {}
    pruned: set[int] = set()
    for build in connection.execute(sa.select(builds).order_by(builds.c.build_id)):
        if build.pruned_at is not None:
            pruned.add(build.build_id)
        elif build.state == "done":
            newest[build.feature_set] = build.build_id
    for build_id in newest.values():
        reasons[build_id] = ["current"]
    for build in connection.execute(sa.select(builds).where(builds.c.state != "done")):
        if build.build_id > newest.get(build.feature_set, 0):  # the next backfill takes its rows over
            reasons[build.build_id] = ["unfinished"]
    for build_id, why in _named(connection):
        if build_id not in pruned:
            reasons.setdefault(build_id, []).append(why)
    return dict(sorted(reasons.items()))


def _named(connection: sa.Connection) -> Iterator[tuple[int, str]]:
    """The builds that versions and predictions name."""
    versions = sa.select(model_versions.c.build_id, model_versions.c.version).order_by(model_versions.c.version)
    for build_id, version in connection.execute(versions):
        yield build_id, f"version {version}"
    counts = sa.select(predictions.c.build_id, sa.func.count()).group_by(predictions.c.build_id)
    for build_id, n_predictions in connection.execute(counts):
        yield build_id, f"{n_predictions} predictions"


def _unread_rows(
    connection: sa.Connection, kept: Mapping[int, list[str]]
) -> list[tuple[sa.TableClause, sa.ColumnElement[bool]]]:
    """Each versioned table with the rows no kept build has. A feature table is read by builds of its own set only."""
    set_of: dict[int, str] = {row.build_id: row.feature_set for row in connection.execute(sa.select(builds))}
    there = set(sa.inspect(connection).get_table_names())
    readers = {name: list(kept) for name in BUILDERS if name != FEATURE_STORE} | {
        f"{FEATURE_STORE}_{each}": [build_id for build_id in kept if set_of.get(build_id) == each]
        for each in sorted(set(set_of.values()))
    }
    tables = [_versioned(name) for name in readers if name in there]
    return [(table, _has_none(table, readers[table.name])) for table in tables]


def _has_none(table: sa.TableClause, readers: list[int]) -> sa.ColumnElement[bool]:
    """The rows that were replaced and belong to none of the builds `readers`."""
    spans = zip([0, *readers], [*readers, None], strict=True)
    between = [
        sa.and_(table.c.from_build > before, *([table.c.to_build <= after] if after is not None else []))
        for before, after in spans
    ]
    return sa.and_(table.c.to_build.is_not(None), sa.or_(*between))


def _versioned(name: str) -> sa.TableClause:
    """A versioned table by name: the set that made it may be gone from conf/."""
    return sa.table(name, sa.column("from_build", sa.Integer), sa.column("to_build", sa.Integer))


def _bytes_of(connection: sa.Connection, rows: Mapping[str, int]) -> int | None:
    """About what so many rows of each table take, indexes included; None where the database does not tell."""
    if connection.dialect.name == "sqlite" and not _has_dbstat(connection):
        return None
    total = 0.0
    for name, n_rows in rows.items():
        n_all = connection.execute(sa.select(sa.func.count()).select_from(_versioned(name))).scalar_one()
        total += _table_bytes(connection, name) * n_rows / max(n_all, 1)
    return round(total)


def _has_dbstat(connection: sa.Connection) -> bool:
    """Whether this SQLite was built with the table that knows what takes how many pages."""
    options = connection.exec_driver_sql("PRAGMA compile_options").scalars()
    return "ENABLE_DBSTAT_VTAB" in set(options)


def _table_bytes(connection: sa.Connection, name: str) -> int:
    if connection.dialect.name == "postgresql":
        query = "SELECT pg_total_relation_size(CAST(:name AS regclass))"
    else:
        query = (
            "SELECT sum(pgsize) FROM dbstat WHERE aggregate = TRUE AND name IN "
            "(SELECT name FROM sqlite_master WHERE tbl_name = :name AND type IN ('table', 'index'))"
        )
    return int(connection.execute(sa.text(query), {"name": name}).scalar_one())


def _give_back(engine: sa.Engine) -> None:
    """The file at its new size: SQLite keeps deleted rows' pages until it is told."""
    driver = engine.raw_connection()
    try:
        driver.execute("VACUUM")
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        driver.close()
