"""What the monitors of one date look at: read once, when the first of them asks, and shared by all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts.database import read_frame
from contracts.feature_set import FeatureSet
from contracts.populations import LINE_AVERAGES, LINE_TARGET
from contracts.settings import Settings
from contracts.tables import games, grades, predictions
from features.feature_sets import load_feature_set
from features.quality.reference import ROW, read_dates, same_stage, standing_dates
from features.table.builds import FEATURE_STORE
from features.table.rows import current_build, read_rows, read_rows_of_builds
from features.table.versioned_rows import builder_table
from monitoring.grading import label
from registry.versions import production

FACTS = ("is_expected", "n_active_games_season", "minutes_avg_last_10_active", *LINE_AVERAGES.values())
SAID = ("game_id", "player_id", "game_date", "feature_set", "build_id", "train_to", "predicted", "line", "predicted_at")

Service = Callable[[], Mapping[str, str | None]]
"""Asks the services that should run: address -> the sha256 of the files it answers with ('none': it has no version),
or None where it does not answer."""


@dataclass(frozen=True)
class Judged:
    """The version whose predictions are judged; one at a time, since errors of two are no one's."""

    system: str
    version: int

    @property
    def subject(self) -> str:
        """'xgboost v3'."""
        return f"{self.system} v{self.version}"


@dataclass(frozen=True)
class View:
    """The database as of `game_date`: what is known of it and of the dates before it."""

    engine: sa.Engine
    settings: Settings
    game_date: date
    service: Service | None = None

    @cached_property
    def feature_set(self) -> FeatureSet:
        """The set that training uses."""
        return load_feature_set(self.settings.training.feature_set)

    @cached_property
    def schedule(self) -> pl.DataFrame:
        """The games up to `game_date`: game_id, game_date, tip_off_at."""
        columns = (games.c[name] for name in ("game_id", "game_date", "tip_off_at"))
        return self._read(sa.select(*columns).where(games.c.game_date <= self.game_date))

    @cached_property
    def is_built(self) -> bool:
        """Whether the feature table has a finished build."""
        return current_build(self.engine, self.feature_set) is not None

    @cached_property
    def recent(self) -> pl.DataFrame:
        """Expected player-games of the latest `monitors.recent_dates` dates with rows, `game_date` the last of them.

        Columns: features.quality.reference.ROW and the features. Empty where `game_date` has no rows: there is nothing
        new to judge.
        """
        columns = [*ROW, *self.feature_set.names]
        if not self.is_built:
            return pl.DataFrame(schema=dict.fromkeys(columns, pl.Null))
        days = self.schedule["game_date"].unique().sort().tail(self.settings.monitors.recent_dates)
        if days.is_empty() or days[-1] != self.game_date:
            days = pl.Series([self.game_date])
        rows = read_rows(self.engine, self.feature_set, date_from=days[0], date_to=self.game_date, columns=columns)
        rows = rows.filter(pl.col("is_expected"))
        return rows if self.game_date in rows["game_date"] else rows.clear()

    @cached_property
    def today(self) -> pl.DataFrame:
        """Those of `recent` that are of `game_date`."""
        return self.recent.filter(pl.col("game_date") == self.game_date)

    @cached_property
    def reference(self) -> pl.DataFrame:
        """Expected player-games of earlier dates at the same stage of a season, by the rule of features.quality."""
        if self.recent.is_empty():
            return self.recent
        table = builder_table(FEATURE_STORE, self.feature_set)
        first, last = self.recent["game_date"].min(), self.recent.sort("game_date")["season"][-1]
        with self.engine.connect() as connection:
            standing = {day: season for day, season in standing_dates(connection, table).items() if day < first}  # type: ignore[operator]
            earlier = same_stage(standing, {self.game_date: last}, self.settings.quality) if standing else []
            rows = read_dates(connection, table, self.feature_set, earlier)
        return rows.filter(pl.col("is_expected"))

    @cached_property
    def judged(self) -> Judged | None:
        """Production where it predicted within the rolling days, else the version that predicted last; None: nobody.

        Predictions of dates that the version has seen do not count.
        """
        said = predictions.c
        newest, n_rows = sa.func.max(said.game_date), sa.func.count()
        query = sa.select(said.system, said.model_version, newest, n_rows).where(*self._within())
        with self.engine.connect() as connection:
            found = connection.execute(query.group_by(said.system, said.model_version)).all()
        live = production(self.engine)
        known = [Judged(row.system, row.model_version) for row in found]
        if live is not None and (champion := Judged(live.system, live.version)) in known:
            return champion
        last = max(found, key=lambda row: (row[2], row[3], row.model_version), default=None)
        return None if last is None else Judged(last.system, last.model_version)

    @cached_property
    def said(self) -> pl.DataFrame:
        """Predictions of the judged version within the rolling days, `game_date` included, of the label that counts.

        The last that was said of a player-game stands for it. Columns: SAID, outcome ('graded', 'void' or NULL), error,
        in_interval.
        """
        query = (
            sa.select(
                *(predictions.c[name] for name in SAID),
                *(grades.c[name] for name in ("outcome", "error", "in_interval")),
                games.c.tip_off_at,
            )
            .select_from(predictions)
            .outerjoin(grades, grades.c.prediction_id == predictions.c.prediction_id)
            .outerjoin(games, games.c.game_id == predictions.c.game_id)
        )
        wanted = self.judged or Judged("", 0)
        of_version = (predictions.c.system == wanted.system, predictions.c.model_version == wanted.version)
        rows = self._read(query.where(*self._within(), *of_version).order_by(predictions.c.prediction_id))
        rows = rows.filter(label() == self.settings.monitors.label).drop("tip_off_at")
        return rows.unique(["game_id", "player_id"], keep="last", maintain_order=True)

    @cached_property
    def graded(self) -> pl.DataFrame:
        """Those of `said` that are graded, of dates before `game_date`, with what the rows they were made from say.

        Columns: those of `said`, state ('played': the grade says so) and FACTS.
        """
        rows = self.said.filter((pl.col("outcome") == "graded") & (pl.col("game_date") < self.game_date))
        key = ["game_id", "player_id", "build_id"]
        parts = [
            part.join(self._facts(name, part), on=key, how="left", maintain_order="left")
            for (name,), part in rows.group_by("feature_set", maintain_order=True)
        ]
        made = pl.concat(parts) if parts else rows.with_columns(pl.lit(None).alias(name) for name in FACTS)
        return made.with_columns(state=pl.lit("played"))

    def _facts(self, feature_set_name: str, rows: pl.DataFrame) -> pl.DataFrame:
        """FACTS of the rows that predictions were made from; a column that their set has not is NULL."""
        feature_set = load_feature_set(feature_set_name)
        known = [name for name in FACTS if name in feature_set.names or name not in LINE_AVERAGES.values()]
        found = read_rows_of_builds(self.engine, feature_set, rows, known)
        return found.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in FACTS if name not in known)

    def _within(self) -> list[sa.ColumnElement[bool]]:
        said, first = predictions.c, self.game_date - timedelta(days=self.settings.monitors.rolling_days)
        return [
            said.target == LINE_TARGET,
            said.game_date.between(first, self.game_date),
            sa.or_(said.train_to.is_(None), said.train_to < said.game_date),
        ]

    def _read(self, query: sa.Select[Any]) -> pl.DataFrame:
        with self.engine.connect() as connection:
            return read_frame(connection, query)
