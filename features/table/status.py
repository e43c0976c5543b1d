"""The state of the feature table: what is expected, done, missing and stale, what runs and what failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts import clock
from contracts.clock import season_name
from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from contracts.tables import build_units, builds, ingests
from features.builders.compute import BUILDERS
from features.feature_sets import feature_set_names, load_feature_set
from features.raw.facts import read_raw
from features.table.builds import INTERRUPTED, current_build
from features.table.inputs import DayFacts, day_facts, inputs_hashes
from features.table.lock import is_backfilling
from features.table.row_counts import Miscount
from features.table.units import Standing, stale_dates, standing_against

__all__ = ["Failure", "Running", "Status", "StatusReader", "stale_dates", "status"]


@dataclass(frozen=True)
class Running:
    """The build under way: `dates` game dates are written, at `dates_per_second` since it started, `left` are not."""

    build_id: int
    started_at: datetime
    dates: int
    left: int
    dates_per_second: float
    seconds_left: float | None


@dataclass(frozen=True)
class Failure:
    """The newest build, where it was not finished: which, and why."""

    build_id: int
    failure: str


@dataclass(frozen=True)
class Status:
    """How far the feature table of `feature_set` is.

    builders: one mapping a builder and season with builder, season ('2023-24') and, in game dates, expected, done,
    missing and stale (expected = done + missing + stale). complete: something is expected and all of it is done.
    feature_sets: one mapping a known set with name, hash and built (whether a build of it is done). miscounts: the
    units whose rows are not as many as were written, which counts them as stale. running: None where nobody backfills;
    failed: None where the newest build is done or runs.
    """

    feature_set: str
    builders: list[dict[str, Any]]
    complete: bool
    feature_sets: list[dict[str, Any]]
    miscounts: Sequence[Miscount]
    running: Running | None
    failed: Failure | None

    @property
    def share(self) -> float:
        """Done / expected over all builders and seasons, 0-1; 0 where nothing is expected."""
        expected = sum(row["expected"] for row in self.builders)
        return sum(row["done"] for row in self.builders) / expected if expected else 0.0

    @property
    def n_stale(self) -> int:
        """How many units are stale, over all builders and seasons."""
        return sum(row["stale"] for row in self.builders)


def status(engine: sa.Engine, settings: Settings, feature_set: FeatureSet | None = None) -> Status:
    """How far `feature_set` (None: the one that training uses) is, and which sets there are."""
    return StatusReader(engine, settings, feature_set).read()


class StatusReader:
    """Reads the status again and again; what is expected is worked out anew only where something was ingested."""

    def __init__(self, engine: sa.Engine, settings: Settings, feature_set: FeatureSet | None = None) -> None:
        self._engine = engine
        self._settings = settings
        self._feature_set = feature_set or load_feature_set(settings.training.feature_set)
        self._expectation: _Expectation | None = None

    def read(self) -> Status:
        """The status at this moment."""
        with self._engine.connect() as connection:
            expected = self._expect(connection)
            found = standing_against(connection, expected.games, self._feature_set, expected.hashes, expected.facts)
            newest = _newest_build(connection, self._feature_set)
        is_running = newest is not None and newest["state"] == "running" and is_backfilling(self._engine)
        if not is_running:
            with self._engine.connect() as connection:  # it may have ended while this looked
                newest = _newest_build(connection, self._feature_set)
        return Status(
            feature_set=self._feature_set.name,
            builders=_count(expected.games, found),
            complete=bool(found.expected) and not found.to_do and not found.vanished and not found.unfinished,
            feature_sets=self._known_sets(),
            miscounts=found.miscounts,
            running=_running(newest, found) if newest is not None and is_running else None,
            failed=_failure(newest) if newest is not None and not is_running else None,
        )

    def _expect(self, connection: sa.Connection) -> _Expectation:
        newest = connection.execute(sa.select(sa.func.max(ingests.c.ingest_id))).scalar()
        if self._expectation is None or self._expectation.newest_ingest != newest:
            raw = read_raw(connection)
            facts = day_facts(raw, self._settings.features)
            hashes = inputs_hashes(raw, self._feature_set, self._settings.features, facts)
            self._expectation = _Expectation(newest, raw.games, hashes, facts)
        return self._expectation

    def _known_sets(self) -> list[dict[str, Any]]:
        known = [load_feature_set(name) for name in feature_set_names()]
        return [
            {"name": each.name, "hash": each.hash, "built": current_build(self._engine, each) is not None}
            for each in known
        ]


@dataclass(frozen=True)
class _Expectation:
    """What is expected, as of an ingest."""

    newest_ingest: int | None
    games: pl.DataFrame
    hashes: Mapping[date, str]
    facts: Sequence[DayFacts]


def _count(games: pl.DataFrame, found: Standing) -> list[dict[str, Any]]:
    seasons = dict(games.select("game_date", "season").unique().iter_rows())
    counts = []
    for builder in BUILDERS:
        for season in sorted({seasons[day] for day in found.expected}):
            units = [(builder, day) for day in found.expected if seasons[day] == season]
            done, stale = sum(unit in found.done for unit in units), sum(unit in found.stale for unit in units)
            counts.append(
                {
                    "builder": builder,
                    "season": season_name(season),
                    "expected": len(units),
                    "done": done,
                    "missing": len(units) - done - stale,
                    "stale": stale,
                }
            )
    return counts


def _newest_build(connection: sa.Connection, feature_set: FeatureSet) -> dict[str, Any] | None:
    """The newest build of the set, whatever became of it, with the dates that it wrote."""
    of_set = builds.c.feature_set == feature_set.name
    row = connection.execute(sa.select(builds).where(of_set).order_by(builds.c.build_id.desc()).limit(1)).mappings()
    build = row.one_or_none()
    if build is None:
        return None
    counting = sa.select(sa.func.count(build_units.c.game_date.distinct()))
    written = connection.execute(counting.where(build_units.c.build_id == build["build_id"])).scalar_one()
    return {**build, "dates": written}


def _running(build: Mapping[str, Any], found: Standing) -> Running:
    seconds = max((clock.now() - build["started_at"]).total_seconds(), 0.001)
    rate, left = build["dates"] / seconds, len(found.to_do)
    return Running(
        build_id=build["build_id"],
        started_at=build["started_at"],
        dates=build["dates"],
        left=left,
        dates_per_second=round(rate, 3),
        seconds_left=round(left / rate, 3) if rate else None,
    )


def _failure(build: Mapping[str, Any]) -> Failure | None:
    """Of the newest build, which does not run: a process that was killed leaves it called running."""
    if build["state"] == "done":
        return None
    return Failure(build["build_id"], build["failure"] or INTERRUPTED)
