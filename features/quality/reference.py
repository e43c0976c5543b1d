"""What a build is compared with: the same dates as they stand, else earlier dates at the same stage of a season."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
import sqlalchemy as sa

from contracts.database import read_frame
from contracts.feature_set import FeatureSet
from contracts.settings import QualitySettings
from contracts.tables import FEATURE_ROW_COUNTS
from features.table.builds import FEATURE_STORE
from features.table.versioned_rows import builder_table

Seasons = dict[date, int]
"""Game dates, each with its season's start year."""

COMING_DAYS = 3
"""Games still to come within so many days of the latest result look like others; of later ones too little is known."""

SAME_DATES = "same dates"
SAME_STAGE = "same stage"
ROW = (
    *("game_id", "player_id", "game_date", "team_id", "opponent_id"),
    *("season", "state", "is_expected", "line", *FEATURE_ROW_COUNTS),
)
"""What is read beside the features: whose row it is, and what populations are told by."""


@dataclass(frozen=True)
class Reference:
    """Rows of a build and the earlier rows that they are held against, both of a sample of dates.

    `kind` is SAME_DATES (the very rows, as they stand now) or SAME_STAGE (earlier dates about as many days into
    their season: October is not held against a whole season). `is_settled`: the new dates are not those with which
    a season opens, when windows fill from day to day and no two seasons are alike.
    """

    kind: str
    new: pl.DataFrame
    old: pl.DataFrame
    is_settled: bool = True

    @property
    def is_over(self) -> bool:
        """Whether the new rows' games were played: lines and lists of games to come may still come."""
        return not (self.new["state"] == "scheduled").any()


def find_references(
    connection: sa.Connection,
    feature_set: FeatureSet,
    rows: pl.DataFrame,
    settings: QualitySettings,
    *,
    before: date = date.max,
) -> list[Reference]:
    """What there is to compare `rows` of the feature table with: none, one or two references.

    Dates that stand in the table are held against themselves, the others against earlier dates of their stage; what
    stands from `before` on is not looked at.
    """
    table = builder_table(FEATURE_STORE, feature_set)
    if rows.is_empty() or not sa.inspect(connection).has_table(table.name):
        return []
    standing = {day: season for day, season in standing_dates(connection, table).items() if day < before}
    seasons = dict(rows.select("game_date", "season").unique().sort("game_date").iter_rows())
    found = []
    again = evenly([day for day in seasons if day in standing], settings.sample_dates)
    if again:
        found.append(Reference(SAME_DATES, _of(rows, again), read_dates(connection, table, feature_set, again)))
    last = _latest_result(rows, standing)
    first_time = {d: s for d, s in seasons.items() if d not in standing and (d - last).days <= COMING_DAYS}
    settled = settled_dates(standing, first_time, settings)
    chosen = evenly(settled or list(first_time), settings.sample_dates)
    earlier = same_stage(standing, {day: seasons[day] for day in chosen}, settings)
    if earlier:
        old = read_dates(connection, table, feature_set, earlier)
        found.append(Reference(SAME_STAGE, _of(rows, chosen), old, is_settled=bool(settled)))
    return found


def settled_dates(standing: Seasons, dates: Seasons, settings: QualitySettings) -> list[date]:
    """Those of `dates` that are at least `settling_days` after their season's opening."""
    openings = _openings(standing, dates)
    return [day for day, season in dates.items() if (day - openings[season]).days >= settings.settling_days]


def same_stage(standing: Seasons, dates: Seasons, settings: QualitySettings) -> list[date]:
    """The standing dates to hold `dates` against: before them, at most `stage_days` off the same day of the season.

    Of their season and the one before, else of the latest before; nearest stages first, at most sample_dates, in
    order. Where fewer than `min_stage_dates` are so near (after a break, or where the last days were refused), a
    settled day is held against that many of the nearest: two or three dates are no measure of a third. The first
    season of the table has no history behind it: it is held against itself alone, once it settled.
    """
    openings = _openings(standing, dates)
    settled = set(settled_dates(standing, standing, settings))
    first = min(openings)
    later = [season for season in openings if season > first]
    near: dict[date, int] = {}
    for day, season in dates.items():
        may_fill = (day - openings[season]).days < settings.settling_days and season > first
        earlier = [d for d, s in standing.items() if d < day and (may_fill or d in settled) and s in (season, *later)]
        recent = [other for other in earlier if standing[other] >= season - 1] or earlier
        stage = (day - openings[season]).days
        apart = {other: abs((other - openings[standing[other]]).days - stage) for other in recent}
        nearest = sorted(apart, key=lambda other: (apart[other], -other.toordinal()))
        n_near = sum(distance <= settings.stage_days for distance in apart.values())
        for other in nearest[: n_near if may_fill else max(n_near, settings.min_stage_dates)]:
            near[other] = min(near.get(other, apart[other]), apart[other])
    nearest = sorted(near, key=lambda other: (near[other], -other.toordinal()))
    chosen = nearest if len(dates) == 1 else evenly(sorted(near), settings.sample_dates)
    return sorted(chosen[: settings.sample_dates])


def evenly(dates: Sequence[date], most: int) -> list[date]:
    """At most `most` of `dates`, evenly spread."""
    if len(dates) <= most:
        return list(dates)
    return [dates[place * len(dates) // most] for place in range(most)]


def _openings(*of: Seasons) -> dict[int, date]:
    """Each season's first date."""
    openings: dict[int, date] = {}
    for day, season in (item for dates in of for item in dates.items()):
        openings[season] = min(openings.get(season, day), day)
    return openings


def _latest_result(rows: pl.DataFrame, standing: Seasons) -> date:
    over: list[date] = rows.filter(pl.col("state") != "scheduled")["game_date"].unique().to_list()
    return max([date.min, *over, *standing])


def _of(rows: pl.DataFrame, dates: Collection[date]) -> pl.DataFrame:
    return rows.filter(pl.col("game_date").is_in(list(dates)))


def standing_dates(connection: sa.Connection, table: sa.Table) -> dict[date, int]:
    """Each date with current rows of games that are over, with its season.

    What a row said of a game to come is not held against what it says once everything before the game is known.
    """
    is_over = sa.and_(table.c.to_build.is_(None), table.c.state != "scheduled")
    query = sa.select(table.c.game_date, table.c.season).where(is_over).distinct()
    return {row.game_date: row.season for row in connection.execute(query)}


def read_dates(
    connection: sa.Connection, table: sa.Table, feature_set: FeatureSet, dates: Collection[date]
) -> pl.DataFrame:
    """The current rows of games that are over on `dates`, columns ROW and the features."""
    query = sa.select(*(table.c[name] for name in (*ROW, *feature_set.names)))
    is_over = sa.and_(table.c.to_build.is_(None), table.c.state != "scheduled")
    return read_frame(connection, query.where(is_over, table.c.game_date.in_(list(dates))))
