"""Builds: one population of the feature table each, with the code and the definitions that made it."""

from __future__ import annotations

import ast
import hashlib
import importlib.resources
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.errors import RefusedError, TipoffError, UsageError
from contracts.feature_set import FeatureSet
from contracts.tables import build_units, builds
from features.builders.compute import BUILDERS
from features.table.milestones import tell_done, tell_failed

FEATURE_STORE = BUILDERS[-1]
"""The builder that assembles the row; its table is the feature set's own."""

INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Build:
    """One population of the feature table; `n_rows` is what the table held when it was done."""

    build_id: int
    feature_set: str
    feature_set_hash: str
    code_hash: str
    n_rows: int
    n_dates: int
    started_at: datetime
    finished_at: datetime


@cache
def code_hash() -> str:
    """SHA-256 (hex) over the source of features.builders.compute and of all it stands on: whatever makes a row."""
    return hash_of_sources("features.builders.compute")


@cache
def hash_of_sources(root: str) -> str:
    """SHA-256 (hex) over the source of module `root` and of every module of this room that it stands on."""
    digest = hashlib.sha256()
    for module, source in sorted(_sources(root).items()):
        digest.update(f"{module}\0{len(source)}\0".encode())
        digest.update(source)
    return digest.hexdigest()


def current_build(engine: sa.Engine, feature_set: FeatureSet) -> Build | None:
    """The newest build of `feature_set` that is done, or None."""
    query = _done_builds(feature_set).order_by(builds.c.build_id.desc()).limit(1)
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Build(**row._mapping)


def get_build(engine: sa.Engine, feature_set: FeatureSet, build_id: int) -> Build:
    """Build `build_id` of `feature_set`.

    Raises UsageError where there is no such build, or it never got done, naming the newest that did; or where it was
    pruned, saying when.
    """
    with engine.connect() as connection:
        row = connection.execute(_done_builds(feature_set).where(builds.c.build_id == build_id)).one_or_none()
        pruned = connection.execute(sa.select(builds.c.pruned_at).where(builds.c.build_id == build_id)).scalar()
    newest = current_build(engine, feature_set)
    known = f"the newest is {newest.build_id}" if newest else "none is done yet"
    if row is not None and pruned is None:
        return Build(**row._mapping)
    if row is not None:
        raise UsageError(
            f"Build {build_id} of {feature_set.name} was pruned at {pruned:%Y-%m-%d %H:%M} UTC: its rows are gone; "
            f"{known}.",
            remedy="`tipoff features prune` keeps the current build and those that a version or a prediction names.",
        )
    raise UsageError(
        f"{feature_set.name} has no finished build {build_id}; {known}.",
        remedy="`tipoff features status` names what is built, `tipoff features backfill` builds.",
    )


def kept_builds(connection: sa.Connection, feature_set: FeatureSet) -> list[int]:
    """The ids of the builds of `feature_set` whose rows are there: done, and not pruned."""
    kept = _done_builds(feature_set).where(builds.c.pruned_at.is_(None)).with_only_columns(builds.c.build_id)
    return list(connection.scalars(kept))


def newest_failed(engine: sa.Engine, feature_set: FeatureSet) -> int | None:
    """The newest build of `feature_set`, where it has failed, or None."""
    newest = sa.select(builds.c.build_id, builds.c.state).where(builds.c.feature_set == feature_set.name)
    with engine.connect() as connection:
        row = connection.execute(newest.order_by(builds.c.build_id.desc()).limit(1)).one_or_none()
    return int(row.build_id) if row is not None and row.state == "failed" else None


@contextmanager
def running_build(engine: sa.Engine, feature_set: FeatureSet) -> Iterator[int]:
    """A new build for the length of the block; the block itself finishes it, an error marks it failed."""
    build_id = start_build(engine, feature_set)
    try:
        yield build_id
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # Ctrl-C may have left a transaction open there: end it first
        fail_build(engine, build_id, f"{type(error).__name__}: {error}")
        raise


def start_build(engine: sa.Engine, feature_set: FeatureSet) -> int:
    """The id of a new running build; any build still called running was interrupted and is marked failed.

    Call it while holding the backfill lock: nobody else runs then.

    Raises RefusedError where rows of other definitions stand under the same name.
    """
    with writing(engine) as connection:
        _refuse_other_definitions(connection, feature_set)
        interrupted = connection.execute(
            sa.update(builds)
            .where(builds.c.state == "running")
            .values(state="failed", failure=INTERRUPTED, finished_at=clock.now())
            .returning(builds.c.build_id)
        )
        for build_id in interrupted.scalars().all():
            tell_failed(connection, build_id)
        made = connection.execute(
            sa.insert(builds).values(
                feature_set=feature_set.name,
                feature_set_hash=feature_set.hash,
                code_hash=code_hash(),
                state="running",
                started_at=clock.now(),
            )
        )
        return int(made.inserted_primary_key[0])


def finish_build(connection: sa.Connection, build_id: int, *, n_rows: int, n_dates: int) -> None:
    """Mark a running build done, in the caller's transaction.

    Raises TipoffError where it no longer runs.
    """
    claim(connection, build_id)
    connection.execute(
        sa.update(builds)
        .where(builds.c.build_id == build_id)
        .values(state="done", finished_at=clock.now(), n_rows=n_rows, n_dates=n_dates)
    )
    tell_done(connection, build_id)


def fail_build(engine: sa.Engine, build_id: int, reason: str) -> None:
    """Mark a running build failed, and why; one that has ended stays as it is."""
    with writing(engine) as connection:
        failed = connection.execute(
            sa.update(builds)
            .where(builds.c.build_id == build_id, builds.c.state == "running")
            .values(state="failed", failure=reason, finished_at=clock.now())
        )
        if failed.rowcount:
            tell_failed(connection, build_id)


def claim(connection: sa.Connection, build_id: int) -> None:
    """Hold the running build's record for the length of the transaction.

    Raises TipoffError where another backfill has marked it failed: nothing more may be written for it.
    """
    touched = connection.execute(
        sa.update(builds).where(builds.c.build_id == build_id, builds.c.state == "running").values(state="running")
    )
    if touched.rowcount != 1:
        raise TipoffError(
            f"Build {build_id} no longer runs: another backfill took over.",
            remedy="Run `tipoff features backfill` again; it builds what is missing.",
        )


def _done_builds(feature_set: FeatureSet) -> sa.Select[tuple[object, ...]]:
    columns = [builds.c[name] for name in Build.__dataclass_fields__]
    return sa.select(*columns).where(
        builds.c.feature_set == feature_set.name,
        builds.c.feature_set_hash == feature_set.hash,
        builds.c.state == "done",
    )


def _refuse_other_definitions(connection: sa.Connection, feature_set: FeatureSet) -> None:
    """Raise RefusedError where the table of this name holds rows that other definitions made."""
    others = (
        sa.select(table.c.feature_set_hash)
        .where(table.c.feature_set == feature_set.name, table.c.feature_set_hash != feature_set.hash, *conditions)
        .limit(1)
        for table, conditions in ((build_units, ()), (builds, (builds.c.state == "done",)))
    )
    for query in others:
        other = connection.execute(query).scalar()
        if other is not None:
            raise RefusedError(
                f"The definitions of {feature_set.name} changed under the same name: its rows were made by "
                f"{other[:12]}, the definitions now are {feature_set.hash[:12]}.",
                remedy="Give the changed set a new name and run `tipoff features backfill --feature-set NAME`.",
            )


def _sources(root: str) -> dict[str, bytes]:
    """Module -> source of `root` and of every module that it stands on, directly or not."""
    sources: dict[str, bytes] = {}
    waiting = [root]
    while waiting:
        module = waiting.pop()
        source = _source(module)
        if source is None or module in sources:
            continue
        sources[module] = source
        waiting += _imports(source)
    return sources


def _source(module: str) -> bytes | None:
    """The source of a module of this room; None for a package or a name within a module."""
    file = importlib.resources.files("features").joinpath(*module.split(".")[1:-1], f"{module.split('.')[-1]}.py")
    return file.read_bytes() if file.is_file() else None


def _imports(source: bytes) -> list[str]:
    """What a module imports from this room, as `features.x`: modules, and names that may be modules."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return [name for name in names if name.startswith("features.")]
