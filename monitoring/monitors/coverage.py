"""coverage: the predictions made of those expected, by the current build's slate and by the batch's ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa

from contracts import clock
from contracts.settings import MonitorsSettings
from contracts.tables import batches, ledger
from monitoring.coverage import Coverage, coverage
from monitoring.readings import Reading, not_measured
from monitoring.view import View

NAME = "coverage"
SLATE, BATCH = "slate", "batch"


def read(view: View) -> list[Reading]:
    """A reading of the date's slate, by the system in question, and one of its newest batch."""
    system = view.judged.system if view.judged is not None else None
    found = coverage(view.engine, view.game_date, view.feature_set, view.settings, system=system)
    by = f"system {system}" if system else "any system"
    return [
        judge_slate(found, by, view.settings.monitors, is_due=_is_due(view)),
        judge_batch(*_newest_batch(view), view.settings.monitors),
    ]


def judge_slate(found: Coverage, by: str, limits: MonitorsSettings, *, is_due: bool) -> Reading:
    """Bad where coverage is below its least, or a game of the date has no rows at all.

    A date without games is not measured, nor one whose teams all open their season (nobody can be expected); nor is one
    of which nothing is predicted and nothing is due yet.
    """
    limit = limits.min_coverage
    if not found.games:
        return not_measured(NAME, SLATE, f"no games on {found.game_date}", limit=limit)
    if found.games == found.games_of_openers and not found.expected:
        told = f"nobody can be expected on {found.game_date}: no team of its {found.games} games had one lately"
        return not_measured(NAME, SLATE, told, limit=limit)
    if not found.predicted and not is_due:
        return not_measured(NAME, SLATE, f"{found.game_date} is not due yet", n=found.expected, limit=limit)
    missing = ", ".join(f"{count} {reason}" for reason, count in sorted(found.missing.items()))
    detail = (
        f"{found.game_date}: {found.predicted} of {found.expected} expected player-games are predicted by {by} "
        f"({found.share:.1%}, at least {limit:.0%})"
        + (f"; {missing}" if missing else "")
        + (f"; {found.games_without_rows} of {found.games} games have no rows" if found.games_without_rows else "")
    )
    is_bad = found.share < limit or bool(found.games_without_rows)
    return Reading(NAME, SLATE, found.share, limit, found.expected, is_bad, f"{detail}.")


def judge_batch(batch_id: str | None, states: Mapping[str, int], limits: MonitorsSettings) -> Reading:
    """Bad where too few of the batch's ended rows are predicted; `states` counts its ledger's rows by state."""
    limit = limits.min_coverage
    ended = sum(states.get(state, 0) for state in ("predicted", "skipped", "failed"))
    if batch_id is None or not ended:
        return not_measured(NAME, BATCH, "no batch of the date has ended rows", limit=limit)
    share = states.get("predicted", 0) / ended
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    detail = f"Batch {batch_id}: {share:.1%} of its {ended} ended rows are predicted, at least {limit:.0%}: {told}."
    return Reading(NAME, BATCH, share, limit, ended, is_bad=share < limit, detail=detail)


def _is_due(view: View) -> bool:
    """Whether predictions of the date should be there: its first game begins within the coordinator's due minutes."""
    day = view.game_date
    known = view.schedule.filter(view.schedule["game_date"] == day)["tip_off_at"].drop_nulls().to_list()
    first: datetime = min(known, default=clock.earliest_tip_off(day))
    return clock.now() >= first - timedelta(minutes=view.settings.coordinator.due_minutes)


def _newest_batch(view: View) -> tuple[str | None, dict[str, int]]:
    of_date = sa.select(batches.c.batch_id).where(batches.c.game_date == view.game_date)
    count = sa.select(ledger.c.state, sa.func.count().label("n")).group_by(ledger.c.state)
    with view.engine.connect() as connection:
        batch_id = connection.scalar(of_date.order_by(batches.c.revision.desc()).limit(1))
        counted = connection.execute(count.where(ledger.c.batch_id == batch_id)).all()
    return batch_id, {row.state: row.n for row in counted}
