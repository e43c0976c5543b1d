"""Versions and where they stand, read from our tables alone: the service asks once a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from contracts.errors import UnavailableError, UsageError
from contracts.home import REGISTERED_MODEL
from contracts.tables import model_versions, promotion_history, pruned_versions
from registry.stages import Stage


@dataclass(frozen=True)
class ModelVersion:
    """A registered version: what it is, where its files lie, what it was trained on. It never changes.

    `artifact_uri` is the folder with the native files and metadata.json, `sha256` over that folder; `train_to` the last
    date it has seen, tuning included (None: nothing was fitted); `metrics` as training wrote them.
    """

    model_name: str
    version: int
    system: str
    run_id: str
    artifact_uri: str
    sha256: str
    feature_set: str
    feature_set_hash: str
    build_id: int
    target: str
    train_from: date | None
    train_to: date | None
    metrics: Any
    registered_at: datetime

    @property
    def title(self) -> str:
        """'version 3 (xgboost)'."""
        return f"version {self.version} ({self.system})"

    def to_json(self) -> dict[str, Any]:
        """Plain values, dates and times as ISO 8601."""
        plain = asdict(self)
        for name in ("train_from", "train_to"):
            plain[name] = plain[name].isoformat() if plain[name] is not None else None
        return plain | {"registered_at": self.registered_at.astimezone(UTC).isoformat()}


@dataclass(frozen=True)
class NewVersion:
    """What training hands over to be registered.

    `model_uri` is the MLflow model (its version's source), `artifact_uri` the folder with the native files and
    metadata.json (often inside it), `sha256` over that folder; `metrics` plain JSON, best a list of Metric.to_json.
    """

    system: str
    run_id: str
    model_uri: str
    artifact_uri: str
    sha256: str
    feature_set: str
    feature_set_hash: str
    build_id: int
    target: str
    train_from: date | None
    train_to: date | None
    metrics: Any
    model_name: str = REGISTERED_MODEL


def list_versions(engine: sa.Engine, model_name: str = REGISTERED_MODEL) -> list[ModelVersion]:
    """Every version, oldest first."""
    with engine.connect() as connection:
        return _read(connection, model_versions.c.model_name == model_name)


def get_version(engine: sa.Engine, version: int, model_name: str = REGISTERED_MODEL) -> ModelVersion:
    """The version of that number.

    Raises UsageError naming the known ones.
    """
    with engine.connect() as connection:
        return version_in(connection, version, model_name)


def newest_version(engine: sa.Engine, model_name: str = REGISTERED_MODEL) -> ModelVersion:
    """The version registered last.

    Raises UnavailableError where there is none.
    """
    versions = list_versions(engine, model_name)
    if not versions:
        raise UnavailableError(f"No version of {model_name} is registered.", remedy="Train one: `tipoff train`.")
    return versions[-1]


def production(engine: sa.Engine, model_name: str = REGISTERED_MODEL) -> ModelVersion | None:
    """The version in Production, or None."""
    return version_in_stage(engine, Stage.PRODUCTION, model_name)


def version_in_stage(engine: sa.Engine, stage: Stage, model_name: str = REGISTERED_MODEL) -> ModelVersion | None:
    """The version that came last into `stage` and is there still, or None; Production and Staging hold at most one."""
    with engine.connect() as connection:
        return live_in(connection, stage, model_name)


def stages(engine: sa.Engine, model_name: str = REGISTERED_MODEL, *, at: datetime | None = None) -> dict[int, Stage]:
    """The stage of every version at the aware time `at` (default now); versions registered later are not in it."""
    with engine.connect() as connection:
        return stages_in(connection, model_name, at=at)


def describe_versions(
    engine: sa.Engine, model_name: str = REGISTERED_MODEL, *, at: datetime | None = None
) -> list[dict[str, Any]]:
    """Every version registered by `at` (default now) as plain values, oldest first, with its `stage` at that time."""
    with engine.connect() as connection:
        standing = stages_in(connection, model_name, at=at)
        versions = _read(connection, model_versions.c.model_name == model_name)
    return [
        version.to_json() | {"stage": str(standing[version.version])}
        for version in versions
        if version.version in standing
    ]


def stage_of(
    engine: sa.Engine, version: int, model_name: str = REGISTERED_MODEL, *, at: datetime | None = None
) -> Stage:
    """The stage of one version at the aware time `at` (default now).

    Raises UsageError where it was not registered by then.
    """
    known = stages(engine, model_name, at=at)
    if version not in known:
        raise _unknown(version, model_name, list(known))
    return known[version]


def entered_stage_at(
    engine: sa.Engine, version: int, stage: Stage, model_name: str = REGISTERED_MODEL
) -> datetime | None:
    """When the version came into `stage`, where it stands now; None where it stands elsewhere."""
    entry = promotion_history.c
    query = (
        sa.select(entry.to_stage, entry.at)
        .where(entry.model_name == model_name, entry.version == version, entry.action != "refuse")
        .order_by(entry.seq.desc())
        .limit(1)
    )
    with engine.connect() as connection:
        newest = connection.execute(query).one_or_none()
    return newest.at if newest is not None and newest.to_stage == str(stage) else None


def stages_in(connection: sa.Connection, model_name: str, *, at: datetime | None = None) -> dict[int, Stage]:
    """`stages` inside a transaction: the newest entry of each version says where it stands."""
    return {version: Stage(stage) for version, stage, _ in connection.execute(_newest_entries(model_name, at))}


def live_in(connection: sa.Connection, stage: Stage, model_name: str) -> ModelVersion | None:
    """`version_in_stage` inside a transaction."""
    newest = _newest_entries(model_name, None).subquery()
    here = sa.select(newest.c.version).where(newest.c.to_stage == str(stage)).order_by(newest.c.seq.desc()).limit(1)
    found = _read(
        connection, model_versions.c.model_name == model_name, model_versions.c.version == here.scalar_subquery()
    )
    return found[0] if found else None


def version_in(connection: sa.Connection, version: int, model_name: str) -> ModelVersion:
    """`get_version` inside a transaction."""
    found = _read(connection, model_versions.c.model_name == model_name, model_versions.c.version == version)
    if not found:
        known = _read(connection, model_versions.c.model_name == model_name)
        raise _unknown(version, model_name, [each.version for each in known])
    return found[0]


def way_back_in(connection: sa.Connection, model_name: str) -> list[int]:
    """The versions that were in Production and not rolled back from, oldest first: the last is live.

    A rollback takes what it left off the line, so that a second one goes further back and not forth again.
    """
    entry = promotion_history.c
    query = (
        sa.select(entry.version, entry.action)
        .where(entry.model_name == model_name, entry.to_stage == str(Stage.PRODUCTION), entry.action != "refuse")
        .order_by(entry.seq)
    )
    line: list[int] = []
    for version, action in connection.execute(query):
        if action == "rollback":
            line = line[: line.index(version)] if version in line else line[:-1]
        line = [each for each in line if each != version] + [version]
    return line


def pruned_in(connection: sa.Connection, model_name: str) -> set[int]:
    """The versions whose files were deleted."""
    query = sa.select(pruned_versions.c.version).where(pruned_versions.c.model_name == model_name)
    return set(connection.scalars(query))


def _newest_entries(model_name: str, at: datetime | None) -> sa.Select[Any]:
    """(version, to_stage, seq) of the newest entry of each version up to `at`."""
    entry = promotion_history.c
    newest = sa.select(sa.func.max(entry.seq)).where(entry.model_name == model_name).group_by(entry.version)
    if at is not None:
        newest = newest.where(entry.at <= at)
    return sa.select(entry.version, entry.to_stage, entry.seq).where(entry.seq.in_(newest)).order_by(entry.version)


def _read(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> list[ModelVersion]:
    query = sa.select(model_versions).where(*where).order_by(model_versions.c.version)
    return [_version(row) for row in connection.execute(query).mappings()]


def _version(row: Mapping[Any, Any]) -> ModelVersion:
    return ModelVersion(**dict(row))


def _unknown(version: int, model_name: str, known: Sequence[int]) -> UsageError:
    choice = f"Known: {', '.join(map(str, known))}." if known else "None is registered yet: `tipoff train`."
    return UsageError(f"{model_name} has no version {version}.", remedy=choice)
