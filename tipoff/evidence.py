"""What an alarm rests on, found again in the tables: readings, runs of jobs, a batch, a build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from contracts.tables import batches, build_units, builds, dead_letters, job_runs, ledger, monitor_readings

NEWEST = 3
"""Readings and runs that are told, newest first."""


def evidence_of(connection: sa.Connection, alarm: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values: seen_at; readings, runs, batch, build where there are such about its name and subject."""
    found: dict[str, Any] = {
        "readings": _readings(connection, alarm),
        "runs": _runs(connection, alarm),
        "batch": _batch(connection, alarm["subject"]),
        "build": _build(connection, alarm["subject"]),
    }
    return {"seen_at": alarm["seen_at"].isoformat(), **{name: value for name, value in found.items() if value}}


def _readings(connection: sa.Connection, alarm: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The newest bad readings of the monitor of that name about that subject."""
    reading = monitor_readings.c
    query = (
        sa.select(reading.game_date, reading.value, reading.limit_value, reading.n, reading.detail)
        .where(reading.monitor == alarm["name"], reading.subject == alarm["subject"], reading.is_bad)
        .order_by(reading.game_date.desc())
        .limit(NEWEST)
    )
    return [_plain(row) for row in connection.execute(query).mappings()]


def _runs(connection: sa.Connection, alarm: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The newest failed runs of the step that `STEP_failed` is about, on its date."""
    step, _, failed = str(alarm["name"]).rpartition("_")
    if failed != "failed":
        return []
    run = job_runs.c
    query = (
        sa.select(run.job, run.game_date, run.state, run.detail, run.started_at, run.ended_at)
        .where(run.job == f"{alarm['origin']}.{step}", run.state == "failed")
        .order_by(run.run_id.desc())
        .limit(NEWEST)
    )
    rows = [_plain(row) for row in connection.execute(query).mappings()]
    return [row for row in rows if row["game_date"] in (alarm["subject"], None)]


def _batch(connection: sa.Connection, subject: str) -> dict[str, Any]:
    """Rows by state of the batch of that id, and what its dead letters say."""
    started_at = connection.scalar(sa.select(batches.c.started_at).where(batches.c.batch_id == subject))
    if started_at is None:
        return {}
    states = sa.select(ledger.c.state, sa.func.count()).where(ledger.c.batch_id == subject).group_by(ledger.c.state)
    lying = (dead_letters.c.batch_id == subject, dead_letters.c.replayed_at.is_(None))
    reasons = sa.select(dead_letters.c.reason, sa.func.count()).where(*lying).group_by(dead_letters.c.reason)
    return {
        "started_at": started_at.isoformat(),
        "states": dict(connection.execute(states).all()),
        "given_up": dict(connection.execute(reasons).all()),
    }


def _build(connection: sa.Connection, subject: str) -> dict[str, Any]:
    """How the build that `build N` names stands, and what it wrote last."""
    word, _, number = subject.partition(" ")
    if word != "build" or not number.isdecimal():
        return {}
    names = ("state", "started_at", "finished_at", "failure")
    row = connection.execute(sa.select(*(builds.c[name] for name in names)).where(builds.c.build_id == int(number)))
    unit = build_units.c
    written = sa.select(sa.func.count(unit.game_date.distinct()).label("dates"), sa.func.max(unit.done_at).label("at"))
    last = connection.execute(written.where(unit.build_id == int(number))).mappings().one()
    found = row.mappings().one_or_none()
    return {} if found is None else {**_plain(found), "written": _plain(last)}


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        str(name): value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in row.items()
        if value is not None
    }
