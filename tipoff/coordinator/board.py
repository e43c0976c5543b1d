"""What the live page shows, read in one look: a date's slate and states, and what else stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.settings import Settings
from contracts.tables import batches, games
from monitoring.alarms import standing_alarms
from monitoring.report.jobs import read_job_runs
from monitoring.report.slate import Slate
from monitoring.report.slate_rows import names_of, read_slate
from monitoring.report.states import read_states
from registry.versions import ModelVersion, production
from tipoff.coordinator.batches import Batch
from tipoff.coordinator.report import Standing, players, standing

AHEAD = timedelta(days=7)


@dataclass(frozen=True)
class PlayerStates:
    """One expected player of a game: how many systems' rows stand in each state, and why those that say why."""

    player_id: int
    name: str
    states: Mapping[str, int]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class NextDate:
    """A date of the schedule, its games, its first tip-off (None: not known) and its newest batch (None: none yet)."""

    game_date: date
    n_games: int
    first_tip_off: datetime | None
    batch_id: str | None


@dataclass(frozen=True)
class Board:
    """How things stand `now`; `revisions` are the batches of `game_date`, the newest last, each with its counts.

    `by_game` holds the players of the newest revision. `fault` is what /readyz says (None: ready).
    """

    now: datetime
    game_date: date
    fault: str | None
    production: ModelVersion | None
    slate: Slate
    revisions: Sequence[Standing]
    by_game: Mapping[str, Sequence[PlayerStates]]
    next_dates: Sequence[NextDate]
    alarms: Sequence[Mapping[str, Any]]
    monitors: Sequence[Mapping[str, Any]]
    runs: Sequence[Mapping[str, Any]]

    @property
    def newest(self) -> Standing | None:
        """The newest revision of the date."""
        return self.revisions[-1] if self.revisions else None


class Outlook:
    """Reads the board; `health` says what is wrong with the process (None: nothing). Safe for threads."""

    def __init__(self, engine: sa.Engine, settings: Settings, health: Callable[[], str | None]) -> None:
        self._engine = engine
        self._settings = settings
        self._health = health

    def look(self, asked: date | None = None) -> Board:
        """The board of `asked`; without it of the next date with games from today on, else of the last batch's."""
        now = clock.now()
        coming = next_dates(self._engine, clock.league_date(now))
        game_date = asked or self._default_date(clock.league_date(now), coming)
        live = production(self._engine)
        found = [standing(self._engine, batch, self._settings) for batch in _revisions(self._engine, game_date)]
        return Board(
            now=now,
            game_date=game_date,
            fault=self._health(),
            production=live,
            slate=read_slate(self._engine, self._settings, game_date, live.version if live else None),
            revisions=found,
            by_game=_by_game(self._engine, found[-1].batch) if found else {},
            next_dates=coming,
            alarms=standing_alarms(self._engine),
            monitors=read_states(self._engine),
            runs=read_job_runs(self._engine, 12),
        )

    def _default_date(self, today: date, coming: Sequence[NextDate]) -> date:
        if coming:
            return coming[0].game_date
        with self._engine.connect() as connection:
            last = connection.execute(sa.select(sa.func.max(batches.c.game_date))).scalar_one()
        return last or today


def next_dates(engine: sa.Engine, today: date) -> list[NextDate]:
    """The dates with games from `today` on, within a week."""
    span = games.c.game_date.between(today, today + AHEAD)
    first = sa.func.min(games.c.tip_off_at, type_=games.c.tip_off_at.type)
    query = sa.select(games.c.game_date, sa.func.count(), first).where(span).group_by(games.c.game_date)
    newest = sa.select(batches.c.game_date, batches.c.batch_id).order_by(batches.c.revision)
    with engine.connect() as connection:
        there = dict(connection.execute(newest.where(batches.c.game_date.between(today, today + AHEAD))).all())
        rows = connection.execute(query.order_by(games.c.game_date)).all()
    return [NextDate(day, n_games, tip_off, there.get(day)) for day, n_games, tip_off in rows]


def _revisions(engine: sa.Engine, game_date: date) -> list[Batch]:
    query = sa.select(batches).where(batches.c.game_date == game_date).order_by(batches.c.revision)
    with engine.connect() as connection:
        return [Batch(**row._mapping) for row in connection.execute(query)]


def _by_game(engine: sa.Engine, batch: Batch) -> dict[str, list[PlayerStates]]:
    """The players of the batch by game, by name."""
    rows = players(engine, batch)
    with engine.connect() as connection:
        names = names_of(connection, [row["player_id"] for row in rows])
    states: dict[tuple[str, int], Counter[str]] = {}
    reasons: dict[tuple[str, int], dict[str, None]] = {}
    for row in rows:
        key = row["game_id"], row["player_id"]
        states.setdefault(key, Counter())[row["state"]] += 1
        if row["reason"]:
            reasons.setdefault(key, {})[f"{row['system']}: {row['reason']}"] = None
    found: dict[str, list[PlayerStates]] = {}
    for key in sorted(states, key=lambda key: (key[0], names[key[1]])):
        told = tuple(reasons.get(key, ()))
        found.setdefault(key[0], []).append(PlayerStates(key[1], names[key[1]], states[key], told))
    return found
