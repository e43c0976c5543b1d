"""Figures over grades: each with its label, system, version, build, population, dates and N."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts.database import read_frame
from contracts.metrics import interval_by_date
from contracts.populations import LINE_TARGET, population
from contracts.tables import grades, predictions
from features.feature_sets import load_feature_set
from features.table.rows import get_build, read_rows_of_builds
from monitoring.bets import Bets, sum_up

POPULATIONS = ("played", "early", "rotation", "lined")
"""What graded rows are told apart by; a row can be in several."""

FACTS = ("is_expected", "n_active_games_season", "minutes_avg_last_10_active", "line")

IDENTITY = ("label", "system", "model_version", "target", "feature_set", "build_id")


@dataclass(frozen=True)
class GradeFigure:
    """Mean absolute error and mean error (predicted - actual) of graded predictions, and what they are about.

    `mae_ci95` is the bootstrap by game date (None for one date); `share_in_interval` of the 80 % intervals (0-1);
    `bets` are those of the population lined, None of any other.
    """

    label: str
    system: str
    model_version: int
    target: str
    feature_set: str
    build_id: int
    population: str
    n: int
    date_from: date
    date_to: date
    mae: float
    mae_ci95: tuple[float, float] | None
    mean_error: float
    share_in_interval: float
    bets: Bets | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, dates as ISO text."""
        return asdict(self) | {"date_from": self.date_from.isoformat(), "date_to": self.date_to.isoformat()}


def read_figures(engine: sa.Engine, date_from: date | None = None, date_to: date | None = None) -> list[GradeFigure]:
    """The figures over the grades of the inclusive span of game dates, by label, system, version, build, population."""
    with engine.connect() as connection:
        graded = read_frame(connection, _graded(date_from, date_to))
    if graded.is_empty():
        return []
    sets = graded.partition_by("feature_set", maintain_order=True)
    told = pl.concat(_with_facts(engine, rows) for rows in sets)
    return [
        _figure(dict(zip(IDENTITY, key, strict=True)), name, rows)
        for key, group in told.group_by(IDENTITY, maintain_order=True)
        for name, rows in _by_population(group)
    ]


def _graded(date_from: date | None, date_to: date | None) -> sa.Select[Any]:
    said = predictions.c
    query = (
        sa.select(
            *(said[name] for name in ("system", "model_version", "target", "feature_set", "build_id")),
            *(said[name] for name in ("game_id", "player_id", "game_date")),
            said.predicted,
            said.line.label("line_said"),
            *(grades.c[name] for name in ("label", "error", "in_interval")),
            *(grades.c[name] for name in ("line_verdict", "price", "profit", "closing_line")),
        )
        .join(grades, grades.c.prediction_id == said.prediction_id)
        .where(grades.c.outcome == "graded")
        .order_by(grades.c.label, said.system, said.model_version, said.build_id, said.prediction_id)
    )
    query = query if date_from is None else query.where(said.game_date >= date_from)
    return query if date_to is None else query.where(said.game_date <= date_to)


def _with_facts(engine: sa.Engine, graded: pl.DataFrame) -> pl.DataFrame:
    """`graded`, of one feature set, with what tells populations: from the rows that the predictions were made from.

    Those rows may be older than the game; that he played is what the grade says.
    """
    feature_set = load_feature_set(graded["feature_set"][0])
    facts = read_rows_of_builds(engine, feature_set, graded, FACTS)
    for gone in set(graded["build_id"]) - set(facts["build_id"]):
        get_build(engine, feature_set, gone)  # says what became of it
    key = ["game_id", "player_id", "build_id"]
    return graded.join(facts, on=key, how="left", maintain_order="left").with_columns(state=pl.lit("played"))


def _by_population(group: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The group's rows by population, where there are any."""
    for name in POPULATIONS if group["target"][0] == LINE_TARGET else POPULATIONS[:-1]:
        chosen = group.filter(population(name))
        if chosen.height:
            yield name, chosen


def _figure(identity: dict[str, Any], name: str, rows: pl.DataFrame) -> GradeFigure:
    distance = rows["error"].abs().to_numpy()
    return GradeFigure(
        **identity,
        population=name,
        n=rows.height,
        date_from=rows["game_date"].min(),  # type: ignore[arg-type]  # a Date column's minimum is a date
        date_to=rows["game_date"].max(),  # type: ignore[arg-type]
        mae=float(distance.mean()),
        mae_ci95=interval_by_date(distance, rows["game_date"].to_numpy()),
        mean_error=float(rows["error"].to_numpy().mean()),
        share_in_interval=float(rows["in_interval"].cast(pl.Float64).to_numpy().mean()),
        bets=sum_up(rows.with_columns(line="line_said")) if name == "lined" else None,
    )
