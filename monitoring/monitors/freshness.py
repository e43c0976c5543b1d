"""freshness: whether results, feature rows and ingests have kept up with the schedule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from contracts import clock
from contracts.settings import MonitorsSettings
from contracts.tables import ingests, player_games
from features.table.rows import read_rows, stale_dates
from monitoring.readings import Reading, not_measured
from monitoring.view import View

NAME = "freshness"
RESULTS, ROWS, INGEST = "results", "rows", "ingest"
LOOK_BACK = timedelta(days=14)
PLAYING = timedelta(days=3)


def read(view: View) -> list[Reading]:
    """A reading of the results of games that are over, of feature rows, and of the last ingest."""
    first = view.game_date - LOOK_BACK
    days = [day for day in view.schedule["game_date"].unique().sort().to_list() if day >= first]
    over = [day for day in days if day < view.game_date]
    limits = view.settings.monitors
    return [
        judge_dates(RESULTS, over, _with_results(view, first), "have results", limits),
        judge_dates(ROWS, days, _with_rows(view, first), "have feature rows that are not stale", limits),
        judge_ingest(
            _last_ingest(view), clock.now(), limits, is_played=any(view.game_date - d <= PLAYING for d in over)
        ),
    ]


def judge_dates(
    subject: str, wanted: Sequence[date], there: Sequence[date], what: str, limits: MonitorsSettings
) -> Reading:
    """Bad where more of the `wanted` dates than the limit are not `there`."""
    limit = float(limits.max_late_dates)
    if not wanted:
        return not_measured(NAME, subject, f"no games in the {LOOK_BACK.days} days before", limit=limit)
    late = sorted(set(wanted) - set(there))
    detail = f"{len(wanted) - len(late)} of {len(wanted)} dates with games from {wanted[0]} to {wanted[-1]} {what}"
    detail += f"; not {', '.join(map(str, late))}" if late else ""
    return Reading(NAME, subject, float(len(late)), limit, len(wanted), len(late) > limit, f"{detail}.")


def judge_ingest(last: datetime | None, now: datetime, limits: MonitorsSettings, *, is_played: bool) -> Reading:
    """Bad where the last ingest is too long ago while games are played."""
    limit = limits.max_ingest_hours
    if not is_played or last is None:
        why = "nothing was ever ingested" if last is None else f"no games in the {PLAYING.days} days before"
        return not_measured(NAME, INGEST, why, limit=limit)
    hours = max((now - last).total_seconds() / 3600, 0.0)
    told = f"{hours:.1f} hours ago ({last:%Y-%m-%d %H:%M} UTC)"
    detail = f"The last ingest was {told}, at most {limit:g} hours while games are played."
    return Reading(NAME, INGEST, hours, limit, 1, is_bad=hours > limit, detail=detail)


def _with_results(view: View, first: date) -> list[date]:
    days = sa.select(player_games.c.game_date).where(player_games.c.game_date.between(first, view.game_date)).distinct()
    with view.engine.connect() as connection:
        return list(connection.scalars(days))


def _with_rows(view: View, first: date) -> list[date]:
    """The dates with rows in the newest finished build that are what they would be now."""
    if not view.is_built:
        return []
    rows = read_rows(view.engine, view.feature_set, date_from=first, date_to=view.game_date, columns=["game_date"])
    stale = set(stale_dates(view.engine, view.feature_set, view.settings))
    return [day for day in rows["game_date"].unique().to_list() if day not in stale]


def _last_ingest(view: View) -> datetime | None:
    with view.engine.connect() as connection:
        return connection.scalar(sa.select(ingests.c.ingested_at).order_by(ingests.c.ingest_id.desc()).limit(1))
