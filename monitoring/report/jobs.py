"""The last runs of what runs by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from contracts.jobs import DONE, FAILED, RUNNING, SKIPPED
from contracts.tables import job_runs
from monitoring.report.markup import Column, Html, h, mark, nothing, section, table
from monitoring.report.words import age, dated, minute

KINDS = {DONE: "good", SKIPPED: "quiet", RUNNING: "watch", FAILED: "bad"}


def read_job_runs(engine: sa.Engine, most: int = 20) -> list[dict[str, Any]]:
    """The newest runs, the newest first."""
    query = sa.select(job_runs).order_by(job_runs.c.run_id.desc()).limit(most)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def jobs(runs: Sequence[Mapping[str, Any]], now: datetime) -> Html:
    """The section; a run without an end runs, or was killed: its age says which."""
    if not runs:
        return section("Last runs", nothing("Nothing yet: nothing has run by itself."))
    columns = [*(Column(title) for title in ("job", "", "about", "began")), Column("took", True), Column("what it did")]
    return section("Last runs", table(columns, [_row(run, now) for run in runs]))


def _row(run: Mapping[str, Any], now: datetime) -> tuple[object, ...]:
    ended = run["ended_at"] or now
    took = age((ended - run["started_at"]).total_seconds())
    return (
        run["job"],
        mark(run["state"], KINDS[run["state"]]),
        dated(run["game_date"]),
        h("time", minute(run["started_at"])),
        took if run["ended_at"] else f"{took} so far",
        run["detail"],
    )
