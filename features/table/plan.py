"""What a backfill has to do: the dates asked for, of those expected, whose rows are missing or stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
import sqlalchemy as sa

from contracts.clock import season_name
from contracts.errors import UnavailableError, UsageError
from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from features.builders.slate import games_without_results
from features.raw.facts import RawFacts, read_raw
from features.table.inputs import DayFacts
from features.table.raw_mark import read_mark
from features.table.units import standing


@dataclass(frozen=True)
class Span:
    """The dates asked for: inclusive bounds (None: none) and start years of seasons."""

    date_from: date | None = None
    date_to: date | None = None
    seasons: tuple[int, int] | None = None

    def select(self, raw: RawFacts) -> Callable[[date], bool]:
        """Whether a date is within the span.

        Raises UsageError where the dates run backwards or a season was never ingested, naming those that were.
        """
        first, last = self.date_from or date.min, self.date_to or date.max
        if first > last:
            raise UsageError(f"The span {first} to {last} runs backwards.", remedy="Give the earlier date first.")
        if self.seasons is None:
            return lambda day: first <= day <= last
        of_seasons = _dates_of_seasons(raw, self.seasons)
        return lambda day: first <= day <= last and day in of_seasons


@dataclass(frozen=True)
class Plan:
    """The dates of the span that are to be built, closed, and left as they are; `mark` is that of the raw facts."""

    to_do: list[date]
    vanished: list[date]
    skipped: int
    hashes: Mapping[date, str]
    has_unfinished: bool
    games_without_results: int
    facts: Sequence[DayFacts]
    ingested: frozenset[str]
    mark: str | None

    @property
    def has_work(self) -> bool:
        """Whether anything must be written: rows, closures, or a build that holds what an interrupted one left."""
        return bool(self.to_do or self.vanished or self.has_unfinished)


Read = Callable[[sa.Connection], RawFacts]
"""Gives everything in the raw tables, as of the connection's transaction."""


def make_plan(
    engine: sa.Engine, feature_set: FeatureSet, settings: Settings, span: Span, rebuild: bool, read: Read = read_raw
) -> tuple[RawFacts, Plan]:
    """Everything raw, and what of `span` is to be built (`rebuild`: all of it), from one reading of the database.

    Raises UnavailableError where nothing was ingested, UsageError for a span that is none.
    """
    with engine.connect() as connection:
        mark = read_mark(connection)
        raw = read(connection)
        _refuse_empty(raw)
        is_asked = span.select(raw)
        found = standing(connection, raw, feature_set, settings)
    expected = [day for day in found.expected if is_asked(day)]
    to_do = expected if rebuild else [day for day in found.to_do if is_asked(day)]
    unbuilt = games_without_results(raw)["game_date"].to_list()
    return raw, Plan(
        to_do=to_do,
        vanished=sorted(filter(is_asked, found.vanished)),
        skipped=len(expected) - len(to_do),
        hashes=found.expected,
        has_unfinished=bool(found.unfinished),
        games_without_results=sum(map(is_asked, unbuilt)),
        facts=found.facts,
        ingested=raw.ingested,
        mark=mark,
    )


def _refuse_empty(raw: RawFacts) -> None:
    if raw.games.is_empty() or raw.player_games.is_empty():
        missing = "games" if raw.games.is_empty() else "box scores"
        raise UnavailableError(
            f"There are no {missing} to build features from.",
            remedy="Run `tipoff ingest simulated` or `tipoff ingest game-logs PATH...` first.",
        )


def _dates_of_seasons(raw: RawFacts, seasons: tuple[int, int]) -> set[date]:
    known = sorted(raw.games["season"].unique().to_list())
    unknown = [year for year in range(seasons[0], seasons[1] + 1) if year not in known]
    if unknown:
        raise UsageError(
            f"No games of season {', '.join(map(season_name, unknown))} were ingested.",
            remedy=f"Known seasons: {', '.join(map(season_name, known))}.",
        )
    return set(raw.games.filter(pl.col("season").is_between(*seasons))["game_date"].to_list())
