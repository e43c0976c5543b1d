"""The parts in which seasons are fetched: each is asked for, ingested and remembered by itself."""

from __future__ import annotations

import hashlib
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl
from nba_api.stats.endpoints.leaguegamelog import LeagueGameLog
from nba_api.stats.endpoints.scheduleleaguev2 import ScheduleLeagueV2
from nba_api.stats.endpoints.shotchartdetail import ShotChartDetail

from contracts.clock import season_name
from contracts.errors import UsageError
from features.sources.files import Source
from features.sources.nba_stats import answers
from features.sources.nba_stats.client import NbaStats

KINDS = ("game-logs", "schedule", "shot-zones")
"""What can be fetched, in the order in which it must be: schedules name teams, zones belong to box scores."""

SEASON_TYPES = {"regular": "Regular Season", "play_in": "PlayIn", "playoffs": "Playoffs"}
"""Our season type -> theirs. Preseason and all-star games are none of ours; they have no name for the cup final's."""

FIRST_SEASON = 1946

CORRECTIONS_DAYS = 7
"""A month's shots are taken for final this long after its end."""


@dataclass(frozen=True)
class Part:
    """One request: a kind, a season (start year), and where the kind has them a season type and the month's days."""

    kind: str
    season: int
    season_type: str | None = None
    days: tuple[date, date] | None = None

    @property
    def name(self) -> str:
        """The name under which it stands in the book of ingests: 'stats.nba.com game-logs 2023-24 Regular Season'."""
        month = f"{self.days[0]:%Y-%m}" if self.days else None
        words = ("stats.nba.com", self.kind, season_name(self.season), self.season_type, month)
        return " ".join(word for word in words if word)

    @property
    def final_from(self) -> date:
        """The league's date from which on nothing new is expected: August after the season, a week after a month."""
        return self.days[1] + timedelta(days=CORRECTIONS_DAYS) if self.days else date(self.season + 1, 8, 1)


@dataclass(frozen=True)
class Fetched:
    """What a part held: a source (None: it has no rows yet), and how many games were left out, by what they are."""

    source: Source | None
    ignored: dict[str, int] = field(default_factory=dict)


def season_parts(kind: str, seasons: tuple[int, int]) -> list[Part]:
    """The parts of `seasons` (inclusive start years) for game-logs or schedule.

    Raises UsageError for a season before the first.
    """
    first, last = seasons
    if first < FIRST_SEASON:
        raise UsageError(
            f"There is no season {season_name(first)}.", remedy=f"The first is {season_name(FIRST_SEASON)}."
        )
    years = range(first, last + 1)
    if kind == "schedule":
        return [Part(kind, year) for year in years]
    return [Part(kind, year, season_type) for year in years for season_type in SEASON_TYPES.values()]


def shot_parts(played: Iterable[tuple[int, str, date]]) -> list[Part]:
    """The shot-zones parts that cover `played` (season, our season type, game date): one a month with games.

    ShotChartDetail alone says in which game a shot was: LeagueDashPlayerShotLocations would take a request for each
    date. A whole season in one answer is cut short by the giver, a month is not.
    """
    months = {
        (season, SEASON_TYPES[season_type], day.replace(day=1))
        for season, season_type, day in played
        if season_type in SEASON_TYPES
    }
    return [
        Part("shot-zones", season, season_type, (first, first.replace(day=monthrange(first.year, first.month)[1])))
        for season, season_type, first in sorted(months, key=lambda month: (month[0], month[2], month[1]))
    ]


def fetch(client: NbaStats, part: Part) -> Fetched:
    """What stats.nba.com has of `part`.

    Raises UnavailableError where it gives no usable answer.
    """
    what = part.name.removeprefix("stats.nba.com ")
    answer = client.ask(_query(part), what)
    ignored: dict[str, int] = {}
    if part.kind == "game-logs":
        frame = answers.game_logs(answer, what)
    elif part.kind == "schedule":
        frame, ignored = answers.schedule(answer, what)
    else:
        frame = answers.shot_zones(answer, what)
    return Fetched(None if frame.is_empty() else Source(part.name, frame, _sha256(frame)), ignored)


def _query(part: Part) -> LeagueGameLog | ScheduleLeagueV2 | ShotChartDetail:
    season = season_name(part.season)
    if part.kind == "schedule":
        return ScheduleLeagueV2(season=season, get_request=False)
    if part.days is None:
        return LeagueGameLog(
            season=season, season_type_all_star=part.season_type, player_or_team_abbreviation="P", get_request=False
        )
    first, last = (f"{day:%m/%d/%Y}" for day in part.days)
    return ShotChartDetail(
        team_id=0,
        player_id=0,
        context_measure_simple="FGA",
        season_nullable=season,
        season_type_all_star=part.season_type,
        date_from_nullable=first,
        date_to_nullable=last,
        get_request=False,
    )


def _sha256(frame: pl.DataFrame) -> str:
    return hashlib.sha256(frame.write_csv().encode()).hexdigest()
