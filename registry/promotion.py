"""Promotion, the only way a version moves: one transaction in our database decides, MLflow follows."""

from __future__ import annotations

import getpass
import json
import logging
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.errors import RefusedError, UnavailableError, UsageError
from contracts.home import REGISTERED_MODEL, Home
from contracts.tables import builds, model_versions
from registry import mlflow_mirror
from registry.chain import exclusive
from registry.mlflow_client import shown
from registry.moves import keep_refusal, lost_race, move, record, refuse_pruned_version, rollback_target
from registry.picture import Change
from registry.repair import hand_moved, repair
from registry.stages import Stage, check_move, promotion_steps
from registry.verdict import Verdict
from registry.versions import ModelVersion, NewVersion, live_in, stages_in, version_in

logger = logging.getLogger(__name__)

Proof = Callable[[ModelVersion], object]
"""Raises a TipoffError where the version's files are not there or do not predict what they did."""

Judge = Callable[[ModelVersion, ModelVersion | None], Verdict]
"""Challenger and champion (None: nothing in Production) in, verdict out."""


@dataclass(frozen=True)
class Promotion:
    """What a promotion came to. `champion` is the version that was in Production before it.

    `promoted` is False for a refusal and for a dry run; `overridden` where it moved against the verdict; `hand_moved`
    are the places where MLflow showed something else than the history before it; `warning` says what went wrong after
    the decision was kept.
    """

    promoted: bool
    verdict: Verdict
    champion: ModelVersion | None
    challenger: ModelVersion
    to: Stage
    overridden: bool = False
    warning: str | None = None
    hand_moved: tuple[Change, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values: promoted, verdict, champion and challenger as version numbers, stage, overridden, warning."""
        return {
            "promoted": self.promoted,
            "verdict": self.verdict.to_json(),
            "champion": self.champion.version if self.champion else None,
            "challenger": self.challenger.version,
            "stage": str(self.to),
            "overridden": self.overridden,
            "warning": self.warning,
            "hand_moved": [asdict(change) for change in self.hand_moved],
        }


def register(engine: sa.Engine, home: Home, new: NewVersion, *, actor: str | None = None) -> ModelVersion:
    """A new version in stage None: in MLflow first (which numbers it), then in our tables; both or neither.

    Raises UnavailableError where MLflow does not answer, UsageError where MLflow is not the store that numbered the
    versions before, RefusedError where the build it was trained on was pruned meanwhile: what was learned from could
    never be looked at again.
    """
    json.dumps(new.metrics, allow_nan=False)  # a figure that is none must not be kept for ever
    created = mlflow_mirror.create_version(home, new)
    version = ModelVersion(
        **{name: value for name, value in asdict(new).items() if name not in ("model_uri", "artifact_uri")},
        version=created.version,
        artifact_uri=created.artifact_uri,
        registered_at=clock.now(),
    )
    try:
        _insert(engine, version, actor or current_actor())
    except (sa.exc.SQLAlchemyError, RefusedError) as error:
        mlflow_mirror.discard_version(home, new.model_name, created.version)
        if isinstance(error, sa.exc.IntegrityError):
            raise UsageError(
                f"MLflow at {shown(home.tracking_uri)} numbered this version {created.version}, which "
                f"{new.model_name} has already: the versions before were registered in another store.",
                remedy="Set MLFLOW_TRACKING_URI to that store: `tipoff env`.",
            ) from error
        raise
    _mirror(engine, home, new.model_name)
    return version


def promote(
    engine: sa.Engine,
    home: Home,
    version: int,
    to: Stage,
    judge: Judge,
    *,
    actor: str,
    reason: str | None = None,
    override_reason: str | None = None,
    dry_run: bool = False,
    model_name: str = REGISTERED_MODEL,
) -> Promotion:
    """Hold the gate over `version` and, where the verdict allows it, move it to `to` (Production by way of Staging).

    The version that stood there is archived in the same transaction. Every attempt is kept in the history, with its
    verdict; a failed verdict is overridden by a non-empty `override_reason`, kept too. `reason` is a note on a
    promotion that needs no override. A dry run decides and keeps nothing.

    Raises RefusedError for an illegal move, where another version won while this one was judged, and where MLflow knows
    of entries that the history does not hold any more; UsageError for an unknown version or an empty reason.
    """
    override = _stated(override_reason, "An override") if override_reason is not None else None
    with engine.connect() as connection:
        challenger = version_in(connection, version, model_name)
        champion = live_in(connection, Stage.PRODUCTION, model_name)
        stage = stages_in(connection, model_name)[version]
        refuse_pruned_version(connection, challenger)
    promotion_steps(stage, to)
    found = _hand_moved(engine, home, model_name)
    verdict = judge(challenger, champion)
    allowed = verdict.passed or override is not None
    if dry_run:
        return Promotion(False, verdict, champion, challenger, to, hand_moved=found)
    note = override or reason
    with exclusive(engine) as connection:
        refuse_pruned_version(connection, challenger)
        lost = lost_race(connection, challenger, champion, stage)
        if lost is not None or not allowed:
            keep_refusal(connection, challenger, stage, verdict, actor, lost or note)
        else:
            move(connection, challenger, stage, to, verdict, actor, note)
    warning = _mirror(engine, home, model_name)
    if lost is not None:
        raise RefusedError(lost, remedy="Hold the gate against the version in Production now: `tipoff promote`.")
    overridden = allowed and not verdict.passed
    return Promotion(allowed, verdict, champion, challenger, to, overridden, warning, found)


def rollback(
    engine: sa.Engine,
    home: Home,
    *,
    reason: str,
    actor: str,
    to: int | None = None,
    prove: Proof | None = None,
    model_name: str = REGISTERED_MODEL,
) -> ModelVersion:
    """The version that was in Production before (or `to`, which must have been there) is in Production again; no gate.

    The one it replaces is archived and left off the way back: a second rollback goes further back. `prove` is asked
    before anything moves: a way back to a model that cannot answer is none.

    Raises UsageError for an empty reason or an unknown version, UnavailableError where nothing is in Production,
    RefusedError where there is nothing to go back to or another move came between, and what `prove` raises.
    """
    reason = _stated(reason, "A rollback")
    with engine.connect() as connection:
        proven = _way_back(connection, to, model_name)
    if prove is not None:
        prove(proven[1])
    try:
        _hand_moved(engine, home, model_name)
    except RefusedError as error:  # a way back must stay open, so it is said and not refused
        logger.warning("%s", error)
    with exclusive(engine) as connection:
        live, target = _way_back(connection, to, model_name)
        if (live, target) != proven:
            raise RefusedError(
                f"{live.title} came into Production meanwhile.", remedy="Look at `tipoff registry list`, then decide."
            )
        stage = stages_in(connection, model_name)[target.version]
        check_move(stage, Stage.PRODUCTION)
        record(connection, live, "archive", Stage.PRODUCTION, Stage.ARCHIVED, actor, reason)
        record(connection, target, "rollback", stage, Stage.PRODUCTION, actor, reason)
    _mirror(engine, home, model_name)
    return target


def _way_back(connection: sa.Connection, to: int | None, model_name: str) -> tuple[ModelVersion, ModelVersion]:
    """What is in Production, and what a rollback brings back."""
    live = live_in(connection, Stage.PRODUCTION, model_name)
    if live is None:
        raise UnavailableError(f"No version of {model_name} is in Production.", remedy="Promote one: `tipoff promote`.")
    return live, rollback_target(connection, live, to)


def current_actor() -> str:
    """'user@host' of this process ('uid-less' containers: 'unknown@host')."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # no name for this uid: a container
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def _insert(engine: sa.Engine, version: ModelVersion, actor: str) -> None:
    with exclusive(engine) as connection:
        _refuse_pruned(connection, version.build_id)
        connection.execute(sa.insert(model_versions).values(**asdict(version)))
        record(connection, version, "register", Stage.NONE, Stage.NONE, actor)


def _refuse_pruned(connection: sa.Connection, build_id: int) -> None:
    """The build keeps its rows until this transaction ends: a pruning waits for it, then sees who names the build."""
    query = sa.select(builds.c.pruned_at).where(builds.c.build_id == build_id)
    pruned_at = connection.execute(query.with_for_update(read=True)).scalar()
    if pruned_at is not None:
        raise RefusedError(
            f"Build {build_id} was pruned at {pruned_at:%Y-%m-%d %H:%M} UTC, while a model was trained on it: its rows "
            "are gone, so the version could never be held to them.",
            remedy="Train again, on the build that is current now: `tipoff train`.",
        )


def _hand_moved(engine: sa.Engine, home: Home, model_name: str) -> tuple[Change, ...]:
    """Where MLflow shows something else than the history, said aloud; nothing where MLflow does not answer.

    Raises RefusedError for a history that was cut.
    """
    try:
        changes = hand_moved(engine, home, model_name)
    except UnavailableError as error:
        logger.warning("Whether anybody moved %s in MLflow by hand is not known: %s", model_name, error.message)
        return ()
    for change in changes:
        logger.warning("In MLflow, and not by tipoff: %s; it is put back.", change)
    return tuple(changes)


def _mirror(engine: sa.Engine, home: Home, model_name: str) -> str | None:
    """Bring MLflow in step; a failure is said aloud and returned, for the decision is kept already."""
    try:
        changes: list[Change] = repair(engine, home, model_name=model_name)
    except (UnavailableError, RefusedError) as error:
        warning = (
            f"The decision is kept, but MLflow does not show it yet: {error.message} Mend: `tipoff registry repair`."
        )
        logger.warning(warning)
        return warning
    logger.debug("MLflow followed in %d places", len(changes))
    return None


def _stated(reason: str, what: str) -> str:
    if not reason.strip():
        raise UsageError(f"{what} needs a reason that is not empty.", remedy="Say why: --reason TEXT.")
    return reason.strip()
