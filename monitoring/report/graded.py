"""Graded predictions with the populations they belong to: the rows that every figure of the report is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts.database import read_frame
from contracts.errors import UsageError
from contracts.feature_set import FeatureSet
from contracts.metrics import interval_by_date
from contracts.populations import LINE_TARGET, population
from contracts.tables import grades, predictions
from features.feature_sets import load_feature_set
from features.table.rows import read_rows_of_builds
from monitoring.figures import POPULATIONS

LABELS = ("live", "backfill", "in_sample")
"""The most honest one first."""

WHO = ("label", "system", "model_version")
KEY = ("game_id", "player_id")
SAID = ("predicted", "interval_low", "interval_high", "line", "over_probability")
FACTS = ("is_expected", "n_active_games_season", "minutes_avg_last_10_active")


@dataclass(frozen=True)
class Figure:
    """Errors of one label, system and version over one population: `mae` and `mean_error` in the target's unit.

    `mae_ci95` is the bootstrap by game date (None for one date); `share_in_interval` of the 80 % intervals (0-1).
    """

    label: str
    system: str
    model_version: int
    population: str
    n: int
    date_from: date
    date_to: date
    mae: float
    mae_ci95: tuple[float, float] | None
    mean_error: float
    share_in_interval: float


def read_graded(engine: sa.Engine, target: str, date_from: date, date_to: date) -> pl.DataFrame:
    """The graded predictions of `target` of the inclusive span, one row a label, system, version and player-game.

    Where a version said something of a player-game from several builds, it is what it said last. Columns: WHO, KEY,
    SAID, game_date, feature_set, build_id, actual, error, in_interval, and a boolean for each of POPULATIONS, which is
    NULL where the rows of the prediction's build are gone.
    """
    with engine.connect() as connection:
        said = read_frame(connection, _query(target, date_from, date_to))
    last = said.unique([*WHO, *KEY], keep="last", maintain_order=True)
    if last.is_empty():
        return last.with_columns(pl.lit(None, pl.Boolean).alias(name) for name in POPULATIONS)
    sets = {name: _declared(name) for name in last["feature_set"].unique().to_list()}
    parts = [
        _with_populations(engine, target, sets[str(feature_set)], rows)
        for (feature_set,), rows in last.group_by("feature_set", maintain_order=True)
    ]
    return pl.concat(parts)


def figures(graded: pl.DataFrame, names: Sequence[str] = POPULATIONS) -> list[Figure]:
    """The figures of each label, system and version over each of the populations `names` that has rows. Pure."""
    found = [
        _figure(key, name, chosen)
        for key, rows in graded.group_by(WHO, maintain_order=True)
        for name in names
        if (chosen := rows.filter(pl.col(name))).height
    ]
    return sorted(found, key=lambda each: (LABELS.index(each.label), names.index(each.population), each.mae))


def n_unknown(graded: pl.DataFrame) -> int:
    """How many rows are in no population because the build that they were made from is gone."""
    return graded["played"].null_count()


def _figure(key: tuple[Any, ...], name: str, rows: pl.DataFrame) -> Figure:
    distance = rows["error"].abs().to_numpy()
    dates = rows["game_date"].to_numpy()
    label, system, model_version = key
    return Figure(
        label=label,
        system=system,
        model_version=model_version,
        population=name,
        n=rows.height,
        date_from=rows["game_date"].min(),  # type: ignore[arg-type]  # a Date column's minimum is a date
        date_to=rows["game_date"].max(),  # type: ignore[arg-type]
        mae=float(distance.mean()),
        mae_ci95=interval_by_date(distance, dates),
        mean_error=float(rows["error"].to_numpy().mean()),
        share_in_interval=float(rows["in_interval"].cast(pl.Float64).to_numpy().mean()),
    )


def _query(target: str, date_from: date, date_to: date) -> sa.Select[Any]:
    said = predictions.c
    told = ("label", "actual", "error", "in_interval")
    names = ("system", "model_version", *KEY, "game_date", "feature_set", "build_id", *SAID)
    return (
        sa.select(*(said[name] for name in names), *(grades.c[name] for name in told))
        .join(grades, grades.c.prediction_id == said.prediction_id)
        .where(grades.c.outcome == "graded", said.target == target, said.game_date.between(date_from, date_to))
        .order_by(said.game_date, said.prediction_id)
    )


def _declared(name: str) -> FeatureSet | None:
    """The feature set of that name; None where it is declared no more."""
    try:
        return load_feature_set(name)
    except UsageError:
        return None


def _with_populations(
    engine: sa.Engine, target: str, feature_set: FeatureSet | None, rows: pl.DataFrame
) -> pl.DataFrame:
    """`rows`, all of one feature set, with the populations that the rows of their builds tell."""
    if feature_set is None:
        return rows.with_columns(pl.lit(None, pl.Boolean).alias(name) for name in POPULATIONS)
    facts = read_rows_of_builds(engine, feature_set, rows, [*FACTS, "line"]).rename({"line": "row_line"})
    told = rows.join(facts, on=[*KEY, "build_id"], how="left", maintain_order="left")
    seen = told.select(*FACTS, line="row_line").with_columns(state=pl.lit("played"))
    flags = seen.select(population(name).alias(name) for name in POPULATIONS)
    if target != LINE_TARGET:
        flags = flags.with_columns(lined=pl.lit(False))
    known = told["is_expected"].is_not_null()
    return rows.with_columns(flags).with_columns(pl.when(known).then(pl.col(POPULATIONS)).name.keep())
