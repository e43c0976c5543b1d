"""The stage of a drill: a copy of the database on which some quiet dates lie ready, with guesses as predictions."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from contracts import clock
from contracts.database import open_database, sqlite_path, writing
from contracts.errors import UnavailableError, UsageError
from contracts.feature_set import FeatureSet
from contracts.jobs import DONE
from contracts.settings import Settings
from contracts.tables import (
    alarm_deliveries,
    alarms,
    batch_digests,
    batches,
    dead_letters,
    event_deliveries,
    games,
    grades,
    job_runs,
    ledger,
    monitor_readings,
    monitor_states,
    outbox,
    predictions,
)
from features.feature_sets import load_feature_set
from features.table.rows import read_rows
from monitoring.drills.guesses import COLUMNS, guess, say
from monitoring.grading import grade
from monitoring.watch import Watched, watch
from registry.versions import production

CLEARED = (
    *(alarm_deliveries, alarms, monitor_readings, monitor_states, job_runs),
    *(batch_digests, dead_letters, ledger, batches, event_deliveries, outbox, grades, predictions),
)
"""What a copy forgets, in an order that foreign keys allow: of this a drill makes its own."""
BEFORE = 3
"""Quiet dates that are watched before the fault is planted: healthy must be measured."""
ADDRESS = "http://drill"


@dataclass
class Stage:
    """A copy and its dates: `quiet` are watched before the fault is planted, `faulty` after; `answer` is what the
    service says (None: Production's files)."""

    engine: sa.Engine
    settings: Settings
    feature_set: FeatureSet
    quiet: Sequence[date]
    faulty: Sequence[date]
    answer: str | None = field(default=None)

    @property
    def first(self) -> date:
        """The first date of the fault."""
        return self.faulty[0]

    @property
    def rolling_from(self) -> date:
        """The first date whose grades the monitors still see at the first faulty date."""
        return self.first - timedelta(days=self.settings.monitors.rolling_days)

    def look(self, day: date) -> Watched:
        """Every monitor's look at `day`, half an hour before its first game."""
        with clock.moved_to(first_tip_off(self.engine, day) - timedelta(minutes=30)):
            return watch(self.engine, self.settings, day, service=self._ask)

    @contextmanager
    def twin(self, folder: Path) -> Iterator[Stage]:
        """The same stage on a copy of its own in `folder`, gone with the block: what is planted there stays there."""
        path = _copy(self.engine, folder / "twin.db")
        engine = open_database(f"sqlite:///{path}")
        try:
            yield replace(self, engine=engine)
        finally:
            engine.dispose()
            for file in folder.glob("twin.db*"):
                file.unlink()

    def change(self, *statements: sa.Executable) -> None:
        """Run `statements` on the copy."""
        with writing(self.engine) as connection:
            for statement in statements:
                connection.execute(statement)

    def grade_again(self) -> None:
        """Make the grades what the predictions now deserve."""
        grade(self.engine, self.settings, date_from=self.rolling_from)

    def _ask(self) -> dict[str, str | None]:
        live = production(self.engine)
        return {ADDRESS: self.answer or (live.sha256 if live is not None else "none")}


@contextmanager
def open_stage(engine: sa.Engine, settings: Settings, folder: Path) -> Iterator[Stage]:
    """A stage on a copy of the database in `folder`, whose `engine` is only read; gone with the block.

    Raises UsageError where the database is no SQLite file, UnavailableError where nothing is built or no dates in a row
    have enough rows.
    """
    copied = open_database(f"sqlite:///{_copy(engine, folder / 'drill.db')}")
    told = logging.getLogger("tipoff.alarms")
    was_disabled, told.disabled = told.disabled, True  # nobody must take an alarm of the copy for a real one
    try:
        feature_set = load_feature_set(settings.training.feature_set)
        days = _choose(copied, settings, feature_set)
        stage = Stage(copied, settings, feature_set, days[:BEFORE], days[BEFORE:])
        _set(stage)
        yield stage
    finally:
        told.disabled = was_disabled
        copied.dispose()


def first_tip_off(engine: sa.Engine, day: date) -> datetime:
    """When the first game of `day` begins; evening in UTC where that is not known."""
    with engine.connect() as connection:
        known = connection.scalar(sa.select(sa.func.min(games.c.tip_off_at)).where(games.c.game_date == day))
    return known or datetime.combine(day, time(23), tzinfo=UTC)


def _copy(engine: sa.Engine, path: Path) -> Path:
    source = sqlite_path(engine.url.render_as_string(hide_password=False))
    if source is None:
        raise UsageError(
            "A drill runs on a copy, and a database on a server is not copied.",
            remedy="Point TIPOFF_HOME at an empty folder, unset TIPOFF_DATABASE_URL, run `tipoff ingest simulated` and "
            "`tipoff features backfill`, and drill there: the monitors are the same.",
        )
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old, closing(sqlite3.connect(path)) as new:
        old.backup(new)
    return path


def _choose(engine: sa.Engine, settings: Settings, feature_set: FeatureSet) -> list[date]:
    """Game dates in a row of the newest settled season: those whose poorest date has the most expected players."""
    limits = settings.monitors
    n_dates = BEFORE + max([limits.degrade_after, *limits.degrade_after_of.values()]) + 1
    rows = read_rows(engine, feature_set, columns=["game_date", "season", "is_expected", "state"])
    over = rows.filter(pl.col("state") != "scheduled")
    counted = over.group_by("season", "game_date").agg(n=pl.col("is_expected").sum()).sort("game_date")
    opened = pl.col("game_date").min().over("season")
    settled = pl.duration(days=settings.quality.settling_days + settings.quality.stage_days)
    known = counted.filter(pl.col("game_date") - opened >= settled).rows()
    runs = [known[end - n_dates : end] for end in range(n_dates, len(known) + 1)]
    best = max(runs, key=lambda run: (run[0][0] == run[-1][0], min(n for _, _, n in run), run[0][1]), default=None)
    if best is None or min(n for _, _, n in best) < limits.min_rows:
        raise UnavailableError(
            f"No {n_dates} game dates in a row have {limits.min_rows} expected players with results each.",
            remedy="Ingest and build a season: `tipoff ingest simulated --seasons 2`, `tipoff features backfill`.",
        )
    return [day for _, day, _ in best]


def _set(stage: Stage) -> None:
    """Guesses of every date that the monitors see, graded, and a job that ran every day."""
    stage.change(*(sa.delete(table) for table in CLEARED))
    first, last = stage.quiet[0] - timedelta(days=stage.settings.monitors.rolling_days), stage.faulty[-1]
    rows = read_rows(stage.engine, stage.feature_set, date_from=first, date_to=last, columns=COLUMNS)
    rows = rows.filter(pl.col("is_expected") | (pl.col("state") == "played"))
    say(stage.engine, stage.feature_set, guess(rows, rows))
    grade(stage.engine, stage.settings)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    runs = [{"job": "day", "game_date": day, "state": DONE, "started_at": _morning(day)} for day in days]
    stage.change(sa.insert(job_runs).values(runs))


def _morning(day: date) -> datetime:
    return datetime.combine(day, time(15), tzinfo=UTC)
