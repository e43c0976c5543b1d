"""What a replayed day must not know: looked for in the twin before it predicts, and by the real table afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts.feature_set import FeatureSet
from contracts.populations import population
from contracts.settings import Settings
from contracts.tables import game_lines, games, injuries, player_games, points_lines
from features.definitions import features_fed_by
from features.table.rows import current_build, read_rows, stale_dates
from tipoff.replay.mornings import Morning

KEY = ["game_id", "player_id"]
CAPTURED_LATER = ("points-lines", "game-lines")
"""Kinds of facts that come in between the morning, the cut-off of the first game, and that of later games."""
TIMED_LATER = ("injuries",)
"""The same, where entries have a time of capture."""
BY_LISTED_STARS = frozenset({"usage_spike_score"})
"""What counts team-mates who are listed out, besides the features that injuries feed."""


def facts_of_the_future(engine: sa.Engine, morning: Morning) -> dict[str, int]:
    """How many facts the twin holds that nobody knew on that morning, by table; empty: none."""
    day, moment = morning.game_date, morning.moment
    of_the_day = sa.select(games.c.game_id).where(games.c.game_date >= day)
    closed = sa.or_(game_lines.c.spread_home.is_not(None), game_lines.c.total.is_not(None))
    is_early = sa.case(
        (injuries.c.captured_at.is_(None), injuries.c.reported_on < day), else_=injuries.c.captured_at <= moment
    )
    conditions = {
        player_games: player_games.c.game_date >= day,
        games: games.c.game_date > morning.schedule_to,
        points_lines: points_lines.c.captured_at > moment,
        game_lines: sa.and_(game_lines.c.game_id.in_(of_the_day), closed),
        injuries: sa.not_(is_early),
    }
    with engine.connect() as connection:
        counted = {
            table.name: int(
                connection.execute(sa.select(sa.func.count()).select_from(table).where(condition)).scalar_one()
            )
            for table, condition in conditions.items()
        }
    return {name: n for name, n in counted.items() if n}


def rows_said_from(engine: sa.Engine, feature_set: FeatureSet, game_date: date) -> pl.DataFrame:
    """The expected rows of a date as they stand now: KEY, team_id, game_date, max_source_date, the features."""
    columns = [*KEY, "team_id", "game_date", "is_expected", "max_source_date", *feature_set.names]
    rows = read_rows(engine, feature_set, date_from=game_date, date_to=game_date, columns=columns)
    return rows.filter(population("expected")).drop("is_expected")


def n_knowing_too_much(rows: pl.DataFrame) -> int:
    """How many of `rows` (of `rows_said_from`) know their own date, or a later one."""
    return rows.filter(pl.col("max_source_date") >= pl.col("game_date")).height


@dataclass(frozen=True)
class Comparison:
    """The rows that a replay predicted from, held against the real table's, cell by cell.

    `differing` counts cells by feature; `may_differ` names the features that know lines, or timed injury entries,
    captured between the morning and a game's own cut-off. `rows_apart` are expected in one of both tables alone.
    `rows_of_another_team` are of players whose first game for a team was against the one they had left: appearances
    put them on the other side, the real table by now on theirs. They are not compared, and not among `rows`.
    """

    cells: int = 0
    rows: int = 0
    rows_apart: int = 0
    rows_of_another_team: int = 0
    differing: dict[str, int] = field(default_factory=dict)
    may_differ: tuple[str, ...] = ()
    why_not: str | None = None

    @property
    def unexplained(self) -> int:
        """Cells that differ, and rows that stand apart, though nothing that was captured later feeds them."""
        has_timed = bool(set(self.may_differ) & features_fed_by(TIMED_LATER))
        cells = sum(n for name, n in self.differing.items() if name not in self.may_differ)
        return cells + (0 if has_timed else self.rows_apart)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "may_differ": list(self.may_differ), "unexplained": self.unexplained}


def compare(
    engine: sa.Engine, settings: Settings, feature_set: FeatureSet, said_from: Sequence[pl.DataFrame]
) -> Comparison:
    """`said_from` (frames of `rows_said_from`) against the current build of the real database `engine`."""
    told = pl.concat(said_from)
    dates = told["game_date"].unique().sort()
    if told.is_empty():
        return Comparison(why_not="Nobody was expected on any of the dates.")
    if current_build(engine, feature_set) is None:
        return Comparison(why_not=f"The real database has no build of {feature_set.name}.")
    stale = set(stale_dates(engine, feature_set, settings)) & set(dates)
    if stale:
        return Comparison(
            why_not=f"{len(stale)} of the dates are stale in the real database: tipoff features backfill."
        )
    columns = [*KEY, "team_id", "game_date", "is_expected", *feature_set.names]
    real = read_rows(engine, feature_set, date_from=dates[0], date_to=dates[-1], columns=columns)
    real = real.filter(population("expected") & pl.col("game_date").is_in(dates.implode()))
    return _count(told, real, feature_set, _may_differ(engine, feature_set))


def _count(told: pl.DataFrame, real: pl.DataFrame, feature_set: FeatureSet, may_differ: tuple[str, ...]) -> Comparison:
    paired = told.join(real, on=KEY, how="inner", suffix="_real")
    both = paired.filter(pl.col("team_id") == pl.col("team_id_real"))
    differing = both.select(pl.col(name).ne_missing(pl.col(f"{name}_real")).sum() for name in feature_set.names)
    counts = {name: n for name, n in differing.row(0, named=True).items() if n}
    return Comparison(
        cells=both.height * len(feature_set.names),
        rows=both.height,
        rows_apart=told.height + real.height - 2 * paired.height,
        rows_of_another_team=paired.height - both.height,
        differing=counts,
        may_differ=may_differ,
    )


def _may_differ(engine: sa.Engine, feature_set: FeatureSet) -> tuple[str, ...]:
    with engine.connect() as connection:
        timed = connection.execute(sa.select(injuries.c.entry).where(injuries.c.captured_at.is_not(None)).limit(1))
        has_timed = timed.first() is not None
    late = features_fed_by(CAPTURED_LATER)
    if has_timed:
        late |= features_fed_by(TIMED_LATER) | BY_LISTED_STARS
    return tuple(name for name in feature_set.names if name in late)
