"""From a prediction to version, run, commit, feature build and raw sources, and from each of these back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from contracts.errors import TipoffError, UsageError
from contracts.home import REGISTERED_MODEL
from contracts.tables import builds, grades, ingests, model_versions, predictions
from registry.stages import Stage
from registry.versions import stages
from serving.live import load_live

if TYPE_CHECKING:
    from registry.versions import ModelVersion
    from tipoff.wiring import Wiring

KINDS = ("prediction", "version", "run", "commit", "build", "ingest")
HOW = "Write prediction:12 (or 12), version:3, run:ID, commit:HASH, build:4 or ingest:2."


def trace(wiring: Wiring, asked: str) -> dict[str, Any]:
    """What `asked` came from and what came of it: kind, id, then links of every kind, each a list of plain rows.

    Downstream of versions, builds and ingests predictions are counted by version, not listed.
    Raises UsageError for what is no id, or where there is no such thing.
    """
    kind, key = parse(asked)
    with wiring.engine.connect() as connection:
        if kind == "prediction":
            links = _of_prediction(wiring, connection, int(key))
        else:
            chosen = _versions_of(wiring, connection, kind, key)
            links = _of_versions(wiring, connection, chosen, kind, key)
    return {"kind": kind, "id": key, "links": links}


def parse(asked: str) -> tuple[str, str]:
    """'version:3' -> ('version', '3'); a number alone is a prediction, 32 hex digits a run, 40 a commit."""
    kind, separator, key = asked.partition(":")
    if not separator:
        kind, key = _guess(asked), asked
    numbered = kind in ("prediction", "version", "build", "ingest")
    if kind not in KINDS or not key or (numbered and not key.isdecimal()):
        raise UsageError(f"{asked!r} names nothing that has a lineage.", remedy=HOW)
    return kind, key


def _guess(asked: str) -> str:
    if asked.isdecimal():
        return "prediction"
    if re.fullmatch(r"[0-9a-f]{32}", asked):
        return "run"
    return "commit" if re.fullmatch(r"[0-9a-f]{40}", asked) else ""


def _of_prediction(wiring: Wiring, connection: sa.Connection, prediction_id: int) -> dict[str, Any]:
    query = (
        sa.select(predictions, grades.c.outcome, grades.c.label, grades.c.actual, grades.c.error)
        .outerjoin(grades, grades.c.prediction_id == predictions.c.prediction_id)
        .where(predictions.c.prediction_id == prediction_id)
    )
    found = connection.execute(query).mappings().one_or_none()
    if found is None:
        raise _unknown("prediction", str(prediction_id))
    chosen = _read(connection, model_versions.c.version == found["model_version"])
    links = _of_versions(wiring, connection, chosen, "prediction", str(prediction_id), {found["build_id"]})
    return links | {"predictions": [dict(found)]}


def _versions_of(wiring: Wiring, connection: sa.Connection, kind: str, key: str) -> list[Mapping[str, Any]]:
    """The versions that the thing leads to."""
    if kind == "version":
        chosen = _read(connection, model_versions.c.version == int(key))
    elif kind == "run":
        chosen = _read(connection, model_versions.c.run_id == key)
    elif kind == "commit":
        chosen = [row for row in _read(connection) if str(_metadata(wiring, row).get("commit")).startswith(key)]
    else:
        chosen = _read(connection, model_versions.c.build_id.in_(_builds_of(connection, kind, int(key))))
        if not _exists(connection, kind, int(key)):
            raise _unknown(kind, key)
        return chosen
    if not chosen:
        raise _unknown(kind, key)
    return chosen


def _of_versions(
    wiring: Wiring,
    connection: sa.Connection,
    chosen: list[Mapping[str, Any]],
    kind: str,
    key: str,
    more_builds: Iterable[int] = (),
) -> dict[str, Any]:
    standing = stages(wiring.engine)
    told = [
        {name: row[name] for name in ("version", "system", "run_id", "sha256", "build_id", "feature_set")}
        | {"stage": str(standing.get(row["version"], Stage.NONE))}
        | _metadata(wiring, row)
        for row in chosen
    ]
    build_ids = {row["build_id"] for row in chosen} | set(more_builds)
    if kind in ("build", "ingest"):
        build_ids |= _builds_of(connection, kind, int(key))
    sources = _sources(connection, build_ids) if kind != "ingest" else _ingest(connection, int(key))
    return {
        "predictions": _counted(connection, [row["version"] for row in chosen]),
        "versions": told,
        "runs": sorted({row["run_id"] for row in chosen}),
        "commits": sorted({str(row["commit"]) for row in told if row.get("commit")}),
        "builds": _build_rows(connection, build_ids),
        "sources": sources,
    }


def _read(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> list[Mapping[str, Any]]:
    query = sa.select(model_versions).where(model_versions.c.model_name == REGISTERED_MODEL, *where)
    return [dict(row) for row in connection.execute(query.order_by(model_versions.c.version)).mappings()]


def _metadata(wiring: Wiring, row: Mapping[str, Any]) -> dict[str, Any]:
    """Commit and data of a version, by its own files; `fault` where they do not verify any more."""
    from registry.versions import ModelVersion as Version

    version: ModelVersion = Version(**row)
    try:
        said = load_live(version, Stage.NONE, wiring.home).model.metadata
    except TipoffError as error:
        return {"commit": None, "dataset_sha256": None, "fault": error.message}
    return {"commit": said.git_commit, "dataset_sha256": said.dataset_sha256}


def _builds_of(connection: sa.Connection, kind: str, key: int) -> set[int]:
    """The build itself, or every build that began after the ingest."""
    if kind == "build":
        return {key}
    ingested_at = sa.select(ingests.c.ingested_at).where(ingests.c.ingest_id == key).scalar_subquery()
    return set(connection.scalars(sa.select(builds.c.build_id).where(builds.c.started_at >= ingested_at)))


def _exists(connection: sa.Connection, kind: str, key: int) -> bool:
    column = builds.c.build_id if kind == "build" else ingests.c.ingest_id
    return connection.execute(sa.select(column).where(column == key)).first() is not None


def _build_rows(connection: sa.Connection, build_ids: Iterable[int]) -> list[dict[str, Any]]:
    names = ("build_id", "feature_set", "feature_set_hash", "code_hash", "started_at", "n_rows", "pruned_at")
    query = sa.select(*(builds.c[name] for name in names)).where(builds.c.build_id.in_(list(build_ids)))
    return [dict(row) for row in connection.execute(query.order_by(builds.c.build_id)).mappings()]


def _sources(connection: sa.Connection, build_ids: Iterable[int]) -> list[dict[str, Any]]:
    """What had been ingested when the newest of the builds began."""
    began = sa.select(sa.func.max(builds.c.started_at)).where(builds.c.build_id.in_(list(build_ids)))
    return _ingest_rows(connection, ingests.c.ingested_at <= began.scalar_subquery())


def _ingest(connection: sa.Connection, ingest_id: int) -> list[dict[str, Any]]:
    return _ingest_rows(connection, ingests.c.ingest_id == ingest_id)


def _ingest_rows(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    names = ("ingest_id", "kind", "source", "sha256", "n_rows", "ingested_at")
    query = sa.select(*(ingests.c[name] for name in names)).where(where).order_by(ingests.c.ingest_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def _counted(connection: sa.Connection, versions: list[int]) -> list[dict[str, Any]]:
    """How many predictions each version made, from which builds, about which dates."""
    said = predictions.c
    query = (
        sa.select(
            said.model_version,
            said.build_id,
            sa.func.count().label("n"),
            sa.func.min(said.game_date).label("date_from"),
            sa.func.max(said.game_date).label("date_to"),
        )
        .where(said.model_version.in_(versions))
        .group_by(said.model_version, said.build_id)
        .order_by(said.model_version, said.build_id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _unknown(kind: str, key: str) -> UsageError:
    return UsageError(f"There is no {kind} {key}.", remedy=HOW)
