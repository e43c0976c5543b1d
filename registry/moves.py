"""What a promotion or a rollback does inside its one transaction; called by the promotion module alone."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from contracts.errors import RefusedError
from contracts.events import PROMOTION, RETRAINING, record_milestone
from contracts.tables import model_versions
from registry.chain import Entry, append, entries_in
from registry.stages import Stage, promotion_steps
from registry.verdict import Verdict
from registry.versions import ModelVersion, live_in, pruned_in, stages_in, version_in, way_back_in


def move(
    connection: sa.Connection,
    challenger: ModelVersion,
    stage: Stage,
    to: Stage,
    verdict: Verdict,
    actor: str,
    reason: str | None,
) -> Entry:
    """Archive what stands in `to` and move the challenger there, entry by entry; the last one keeps the verdict."""
    replaced = live_in(connection, to, challenger.model_name)
    if replaced is not None:
        why = f"{challenger.title} took its place"
        record(connection, replaced, "archive", to, Stage.ARCHIVED, actor, why)
    for step_from, step_to in promotion_steps(stage, to):
        kept = verdict if step_to == to else None
        entry = record(connection, challenger, "promote", step_from, step_to, actor, reason, kept)
    return entry


def keep_refusal(
    connection: sa.Connection,
    challenger: ModelVersion,
    stage: Stage,
    verdict: Verdict,
    actor: str,
    reason: str | None,
) -> Entry:
    """Write down that the challenger was refused and stays where it is."""
    now = stages_in(connection, challenger.model_name).get(challenger.version, stage)
    return record(connection, challenger, "refuse", now, now, actor, reason or verdict.summary(), verdict)


def record(
    connection: sa.Connection,
    version: ModelVersion,
    action: str,
    from_stage: Stage,
    to_stage: Stage,
    actor: str,
    reason: str | None = None,
    verdict: Verdict | None = None,
) -> Entry:
    """Append one entry about `version`; what came into Production, or was trained again, is a milestone besides."""
    if to_stage == Stage.PRODUCTION and action in ("promote", "rollback"):
        message = f"{version.title} is in Production: {action} by {actor}{f', {reason}' if reason else ''}."
        record_milestone(connection, PROMOTION, version.title, message, "tipoff registry history", _facts(version))
    elif action == "register" and _has_older(connection, version):
        message = f"{version.title} was trained on {version.feature_set}, to {version.train_to or 'no date'}."
        command = f"tipoff promote --version {version.version}"
        record_milestone(connection, RETRAINING, version.title, message, command, _facts(version))
    return append(
        connection,
        model_name=version.model_name,
        version=version.version,
        action=action,
        from_stage=from_stage,
        to_stage=to_stage,
        sha256=version.sha256,
        actor=actor,
        reason=reason,
        verdict=verdict.to_json() if verdict is not None else None,
    )


def _facts(version: ModelVersion) -> dict[str, Any]:
    names = ("version", "system", "sha256", "run_id", "build_id", "feature_set")
    return {name: getattr(version, name) for name in names} | {"metrics": list(version.metrics)}


def _has_older(connection: sa.Connection, version: ModelVersion) -> bool:
    """Whether its system had a version before."""
    known = model_versions.c
    older = sa.select(known.version).where(
        known.model_name == version.model_name, known.system == version.system, known.version < version.version
    )
    return connection.execute(older.limit(1)).first() is not None


def lost_race(
    connection: sa.Connection, challenger: ModelVersion, champion: ModelVersion | None, stage: Stage
) -> str | None:
    """Why the verdict is not about what stands now, or None."""
    now = live_in(connection, Stage.PRODUCTION, challenger.model_name)
    if (now.version if now else None) != (champion.version if champion else None):
        winner = now.title if now else "no version"
        judged = champion.title if champion else "an empty place"
        return f"{challenger.title} was judged against {judged}, but {winner} is in Production meanwhile."
    stage_now = stages_in(connection, challenger.model_name)[challenger.version]
    if stage_now != stage:
        return f"{challenger.title} was in stage {stage} when it was judged, and is in {stage_now} meanwhile."
    return None


def refuse_pruned_version(connection: sa.Connection, version: ModelVersion) -> None:
    """Nothing, if the version's files are kept.

    Raises RefusedError where they were pruned.
    """
    if version.version in pruned_in(connection, version.model_name):
        raise RefusedError(
            f"The files of {version.title} were pruned: it cannot answer.", remedy="Train again: `tipoff train`."
        )


def rollback_target(connection: sa.Connection, live: ModelVersion, to: int | None) -> ModelVersion:
    """The version a rollback brings back: the one before `live`, or `to`.

    Raises UsageError for an unknown version, RefusedError for one that never was in Production or is there.
    """
    line = way_back_in(connection, live.model_name)
    if to is None:
        if len(line) < 2:
            raise RefusedError(f"Before {live.title} no version was in Production: there is no way back.")
        return version_in(connection, line[-2], live.model_name)
    target = version_in(connection, to, live.model_name)
    refuse_pruned_version(connection, target)
    if to == live.version:
        raise RefusedError(f"{target.title} is in Production already.")
    been = {
        entry.version
        for entry in entries_in(connection, live.model_name)
        if entry.action != "refuse" and entry.to_stage == Stage.PRODUCTION
    }
    if to not in been:
        raise RefusedError(
            f"{target.title} never was in Production; a rollback passes no gate.",
            remedy=f"Promote it: `tipoff promote --version {to}`.",
        )
    return target
