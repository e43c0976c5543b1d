"""Retention: the files of versions that nobody needs are deleted; what was decided about them stays for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.home import REGISTERED_MODEL, Home
from contracts.settings import RegistrySettings
from contracts.tables import pruned_versions
from registry.artifacts import delete_artifacts
from registry.history import Entry, entries_in
from registry.stages import Stage
from registry.versions import ModelVersion, list_versions, pruned_in, stages_in, way_back_in


@dataclass(frozen=True)
class PrunePlan:
    """`kept` and `pruned` say why, by version; `again` were pruned before, and their files are looked for once more."""

    kept: Mapping[int, str]
    pruned: Mapping[int, str]
    again: tuple[int, ...] = ()


def plan_prune(
    versions: Sequence[ModelVersion],
    stages: Mapping[int, Stage],
    way_back: Sequence[int],
    entries: Sequence[Entry],
    pruned: set[int],
    settings: RegistrySettings,
    now: datetime,
) -> PrunePlan:
    """Which versions keep their files. Pure.

    Production, previous and Staging always do; so do the newest, those that moved lately, and those that were in
    Production lately. A version whose files another one shares keeps them with it.
    """
    newest = {version.version for version in sorted(versions, key=_number)[-settings.keep_newest :]}
    newest = newest if settings.keep_newest else set()
    kept: dict[int, str] = {}
    gone: dict[int, str] = {}
    for version in versions:
        number = version.version
        if number in pruned:
            continue
        of_version = [entry for entry in entries if entry.version == number]
        why = _why_kept(number, stages[number], way_back, of_version, newest, settings, now)
        if why is not None:
            kept[number] = why
        else:
            gone[number] = f"in stage {stages[number]}, not moved since {of_version[-1].at:%Y-%m-%d}"
    shared = {version.artifact_uri: version.version for version in versions if version.version in kept}
    for version in versions:
        if version.version in gone and version.artifact_uri in shared:
            del gone[version.version]
            kept[version.version] = f"its files are those of version {shared[version.artifact_uri]}"
    return PrunePlan(kept, gone, tuple(sorted(pruned)))


def read_plan(engine: sa.Engine, settings: RegistrySettings, model_name: str = REGISTERED_MODEL) -> PrunePlan:
    """The plan for what is registered now."""
    with engine.connect() as connection:
        return _plan_in(connection, list_versions(engine, model_name), settings, model_name)


def prune(
    engine: sa.Engine, home: Home, settings: RegistrySettings, *, actor: str, model_name: str = REGISTERED_MODEL
) -> PrunePlan:
    """Carry the plan out and return it: written down first, then deleted, so that a killed one is finished by the next.

    Decided inside the writing transaction: a version promoted meanwhile keeps its files.
    Raises UnavailableError where a store does not answer.
    """
    versions = {version.version: version for version in list_versions(engine, model_name)}
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("LOCK TABLE promotion_history IN SHARE ROW EXCLUSIVE MODE"))
        plan = _plan_in(connection, list(versions.values()), settings, model_name)
        for number, rule in plan.pruned.items():
            row = {"model_name": model_name, "version": number, "rule": rule, "actor": actor}
            connection.execute(sa.insert(pruned_versions).values(**row, pruned_at=clock.now()))
    in_use = {version.artifact_uri for number, version in versions.items() if number in plan.kept}
    for number in (*plan.again, *plan.pruned):
        version = versions[number]
        if version.artifact_uri not in in_use:
            delete_artifacts(home, version.artifact_uri)
    return plan


def _plan_in(
    connection: sa.Connection, versions: Sequence[ModelVersion], settings: RegistrySettings, model_name: str
) -> PrunePlan:
    return plan_prune(
        versions,
        stages_in(connection, model_name),
        way_back_in(connection, model_name),
        entries_in(connection, model_name),
        pruned_in(connection, model_name),
        settings,
        clock.now(),
    )


def _why_kept(
    number: int,
    stage: Stage,
    way_back: Sequence[int],
    entries: Sequence[Entry],
    newest: set[int],
    settings: RegistrySettings,
    now: datetime,
) -> str | None:
    """The first rule that keeps the version's files; `entries` are those about it."""
    moved = entries[-1].at
    left = _left_production_at(entries)
    if stage in (Stage.PRODUCTION, Stage.STAGING):
        return f"in {stage}"
    if number in way_back[-2:]:
        return "previous: the way back"
    if number in newest:
        return f"one of the newest {settings.keep_newest}"
    if left is not None and now - left < timedelta(days=settings.keep_champion_days):
        return f"in Production until {left:%Y-%m-%d}"
    if now - moved < timedelta(days=settings.keep_days):
        return f"registered or moved on {moved:%Y-%m-%d}"
    return None


def _left_production_at(entries: Sequence[Entry]) -> datetime | None:
    """When a version, of which these are the entries, left Production last; None: it never was there."""
    left = [entry.at for entry in entries if entry.from_stage == Stage.PRODUCTION and entry.action != "refuse"]
    return left[-1] if left else None


def _number(version: ModelVersion) -> int:
    return version.version
