"""The reconciler: what the schedule expects is held against what is there; it starts what is due, and says what is not.

It trusts no event and no earlier run: an event that was lost, a batch that did not start and a day on which nothing ran
at all look the same to it, as something expected that is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

import sqlalchemy as sa

from contracts import clock
from contracts.errors import TipoffError
from contracts.settings import Settings
from contracts.tables import event_inbox, games
from features.table.expectable import expectable_games
from monitoring.alarms import Finding, keep_alarms
from serving.faults import NoGamesError
from serving.freshness import Freshness
from tipoff.coordinator.batches import Batch, newest_in, open_batch
from tipoff.coordinator.dead_letters import list_dead_letters
from tipoff.coordinator.expectation import expect
from tipoff.coordinator.inbox import complete_without_batch
from tipoff.coordinator.stalled import stalled_backfills

AHEAD = timedelta(hours=36)


@dataclass(frozen=True)
class Reconciled:
    """What one look did: batches that it opened, alarms that stand, those that are new, and how many are resolved."""

    opened: list[str]
    findings: list[Finding]
    new: list[Finding]
    resolved: int


@dataclass(frozen=True)
class GameDay:
    """A date with games: when its first and its last game begin."""

    game_date: date
    first_tip_off: datetime
    last_tip_off: datetime


def reconcile(
    engine: sa.Engine,
    settings: Settings,
    now: datetime | None = None,
    faults: Sequence[Finding] = (),
    freshness: Freshness | None = None,
) -> Reconciled:
    """Look once, at `now`; `faults` are found elsewhere and stand with what is found here."""
    moment = now or clock.now()
    opened: list[str] = []
    start = partial(_open, engine, settings, freshness or Freshness(engine, settings), opened)
    findings: list[Finding] = list(faults)
    coming = coming_days(engine, moment)
    for day in coming:
        findings += _see_to(engine, settings, day, moment, start)
    for game_date in complete_without_batch(engine):
        if game_date not in {day.game_date for day in coming}:
            findings += _attempt(game_date, start)
    findings += [*_given_up(engine), *_ignored(engine, moment), *stalled_backfills(engine, settings, moment)]
    new, resolved = keep_alarms(engine, "coordinator", findings)
    return Reconciled(opened, findings, new, resolved)


def coming_days(engine: sa.Engine, now: datetime) -> list[GameDay]:
    """The dates of the schedule that begin within 36 hours and whose last game has not begun."""
    today = clock.league_date(now)
    span = (today - timedelta(days=1), today + timedelta(days=2))
    query = sa.select(games.c.game_date, games.c.tip_off_at).where(games.c.game_date.between(*span))
    times: dict[date, list[datetime]] = {}
    with engine.connect() as connection:
        for row in connection.execute(query.order_by(games.c.game_date)):
            times.setdefault(row.game_date, []).append(row.tip_off_at or clock.earliest_tip_off(row.game_date))
    days = [GameDay(day, min(moments), max(moments)) for day, moments in times.items()]
    return [day for day in days if day.last_tip_off > now and day.first_tip_off < now + AHEAD]


def may_open(engine: sa.Engine, game_date: date, now: datetime) -> bool:
    """Whether news of a date may open a batch: it has none, or its last game is still to begin."""
    with engine.connect() as connection:
        if newest_in(connection, game_date) is None:
            return True
        times = connection.execute(sa.select(games.c.tip_off_at).where(games.c.game_date == game_date)).scalars().all()
    return any((time or clock.earliest_tip_off(game_date)) > now for time in times)


def _see_to(
    engine: sa.Engine, settings: Settings, day: GameDay, now: datetime, start: Callable[[date], None]
) -> list[Finding]:
    """Open the date's batch, or a new revision where its rows have changed; say what keeps it from its end."""
    findings = _attempt(day.game_date, start, quiet=NoGamesError)
    with engine.connect() as connection:
        batch = newest_in(connection, day.game_date)
        opens_the_season = not expectable_games(connection, day.game_date, settings.features)
    limits = settings.coordinator
    is_due = now >= day.first_tip_off - timedelta(minutes=limits.due_minutes)
    if batch is None:
        return findings if findings or not is_due or opens_the_season else [_nothing_there(day)]
    if batch.is_open and now - batch.started_at > timedelta(minutes=limits.most_batch_minutes):
        return [*findings, _still_open(batch, now)]
    return findings


def _open(engine: sa.Engine, settings: Settings, freshness: Freshness, opened: list[str], game_date: date) -> None:
    batch, is_new = open_batch(engine, expect(engine, settings, game_date, freshness))
    if is_new:
        opened.append(batch.batch_id)


def _attempt(
    game_date: date, act: Callable[[date], None], quiet: type[TipoffError] | tuple[type[TipoffError], ...] = ()
) -> list[Finding]:
    try:
        act(game_date)
    except TipoffError as error:
        if isinstance(error, quiet):
            return []
        subject = game_date.isoformat()
        remedy = error.remedy or f"tipoff batch start --game-date {subject}"
        return [Finding("not_started", subject, f"The batch of {subject} does not start: {error.message}", remedy)]
    return []


def _nothing_there(day: GameDay) -> Finding:
    subject = day.game_date.isoformat()
    message = (
        f"Games begin on {subject} at {day.first_tip_off:%H:%M} UTC, and nothing is there: no feature rows, no batch."
    )
    return Finding("nothing_ran", subject, message, "tipoff features backfill --publish")


def _still_open(batch: Batch, now: datetime) -> Finding:
    minutes = (now - batch.started_at).total_seconds() / 60
    message = f"Batch {batch.batch_id} has been open for {minutes:.0f} minutes: no worker ends it."
    return Finding("batch_open", batch.batch_id, message, "tipoff worker")


def _given_up(engine: sa.Engine) -> list[Finding]:
    counted: dict[str, int] = {}
    for letter in list_dead_letters(engine):
        counted[letter["batch_id"]] = counted.get(letter["batch_id"], 0) + 1
    return [
        Finding(
            "given_up",
            batch_id,
            f"{count} player-games of batch {batch_id} were given up.",
            f"tipoff batch dead-letters --batch {batch_id}, then tipoff batch replay --batch {batch_id}",
        )
        for batch_id, count in counted.items()
    ]


def _ignored(engine: sa.Engine, now: datetime) -> list[Finding]:
    """Events about features of the last day that counted for nothing: somebody sends what nobody reads."""
    inbox = event_inbox.c
    query = sa.select(inbox.source, sa.func.max(inbox.ignored)).where(
        inbox.ignored.is_not(None), inbox.builder.is_not(None), inbox.received_at > now - timedelta(days=1)
    )
    with engine.connect() as connection:
        return [
            Finding("event_ignored", source, f"Events of {source} count for nothing: {why}.", "docs/coordinator.md")
            for source, why in connection.execute(query.group_by(inbox.source))
        ]
