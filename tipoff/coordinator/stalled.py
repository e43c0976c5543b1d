"""Backfills that have stalled: a build that is called running, and nobody works on it or nothing comes of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from contracts.settings import Settings
from contracts.tables import build_units, builds
from features.table.lock import is_backfilling
from monitoring.alarms import Finding


def stalled_backfills(engine: sa.Engine, settings: Settings, now: datetime) -> list[Finding]:
    """An alarm for each running build whose process is gone, or that wrote nothing for `alerts.stalled_minutes`."""
    written_at = sa.select(sa.func.max(build_units.c.done_at)).where(build_units.c.build_id == builds.c.build_id)
    query = sa.select(builds, written_at.scalar_subquery().label("written_at")).where(builds.c.state == "running")
    with engine.connect() as connection:
        running = connection.execute(query.order_by(builds.c.build_id)).all()
    if not running:
        return []
    has_process = is_backfilling(engine)
    if not has_process:  # it may have ended while this looked
        with engine.connect() as connection:
            still = set(connection.scalars(sa.select(builds.c.build_id).where(builds.c.state == "running")))
        running = [build for build in running if build.build_id in still]
    limit = timedelta(minutes=settings.alerts.stalled_minutes)
    return [
        _finding(build, has_process=has_process)
        for build in running
        if not has_process or now - max(build.written_at or build.started_at, build.started_at) > limit
    ]


def _finding(build: sa.Row[tuple[object, ...]], *, has_process: bool) -> Finding:
    last = build.written_at or build.started_at
    why = (
        f"wrote nothing since {last:%Y-%m-%d %H:%M} UTC"
        if has_process
        else "is called running, and its process is gone"
    )
    message = f"Build {build.build_id} of {build.feature_set}, started {build.started_at:%Y-%m-%d %H:%M} UTC, {why}."
    remedy = f"tipoff features backfill --feature-set {build.feature_set}"
    return Finding("backfill_stalled", f"build {build.build_id}", message, remedy)
