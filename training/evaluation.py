"""How good predictions are: figures by population, with the baselines' and the line's on the very same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from contracts.metrics import (
    Floats,
    Metric,
    interval_by_date,
    mean_absolute_error,
    mean_error,
    share_above,
    share_within,
)
from contracts.populations import LINE_TARGET
from contracts.populations import population as population_rows
from systems.base import Rows
from systems.catalog import create_system

POPULATIONS = ("played", "rotation", "early", "lined")
"""What a validation reports on, where there are rows of it."""

BASELINES = ("season_average", "last_10_average")


@dataclass(frozen=True)
class Scored:
    """Predictions for the rows of a frame, float64 (n,), NaN = none; with ends of an 80 % interval where it has one."""

    point: Floats
    low: Floats | None = None
    high: Floats | None = None


@dataclass(frozen=True)
class Evaluation:
    """Every figure of one validation.

    `metrics` are the system's, `baselines` those of each baseline, `line` the betting line's: for one population all
    are about the same rows, which are those that the system and every baseline could predict. How many rows each of
    them could not predict stands in `n_unpredicted`: population -> name -> count.
    """

    metrics: tuple[Metric, ...]
    baselines: Mapping[str, tuple[Metric, ...]]
    line: tuple[Metric, ...]
    n_unpredicted: Mapping[str, Mapping[str, int]]

    def metric(self, name: str, population: str) -> Metric | None:
        """The system's figure `name` for `population`, or None where there are no such rows."""
        return next((one for one in self.metrics if (one.name, one.population) == (name, population)), None)


def evaluate(
    frame: pl.DataFrame, scored: Scored, *, baselines: Mapping[str, Floats], target: str, build_id: int
) -> Evaluation:
    """The figures of `scored` and of `baselines` (predictions by name) over `frame`, a Dataset's rows.

    The line is compared only where it is a line of the target.
    """
    metrics: list[Metric] = []
    of_baselines: dict[str, list[Metric]] = {name: [] for name in baselines}
    line: list[Metric] = []
    unpredicted: dict[str, dict[str, int]] = {}
    contenders = {"system": scored.point, **baselines}
    for population in POPULATIONS if target == LINE_TARGET else POPULATIONS[:-1]:
        members = frame.select(population_rows(population).fill_null(False)).to_series().to_numpy()
        unpredicted[population] = {name: int(np.isnan(point[members]).sum()) for name, point in contenders.items()}
        rows = members & predicted_by_all(contenders)
        if not rows.any():
            continue
        about = _About(frame, rows, population, build_id)
        metrics += about.figures(scored)
        for name, point in baselines.items():
            of_baselines[name] += about.figures(Scored(point))
        if population == "lined":
            line += about.figures(Scored(frame["line"].to_numpy().astype(np.float64)))
    return Evaluation(tuple(metrics), {k: tuple(v) for k, v in of_baselines.items()}, tuple(line), unpredicted)


def baseline_predictions(frame: pl.DataFrame, features: list[str], target: str) -> dict[str, Floats]:
    """What each baseline predicts for the rows of `frame`, by name.

    Raises UsageError where a baseline's column is not among `features`.
    """
    nothing = Rows(np.empty((0, 0)), np.empty(0), np.empty(0, dtype="datetime64[D]"))
    predictions = {}
    for name in BASELINES:
        system = create_system(name)
        columns = system.choose_features(features, target)
        system.fit(nothing, nothing, features=columns, target=target, seed=0)
        matrix = frame.select(columns).to_numpy().astype(np.float64).reshape(frame.height, len(columns))
        predictions[name] = system.predict(matrix)
    return predictions


def predicted_by_all(contenders: Mapping[str, Floats]) -> npt.NDArray[np.bool_]:
    """The rows that each of `contenders` (predictions by name, NaN = none) could predict, (n,): those compared on."""
    missing = np.isnan(np.stack(list(contenders.values()))).any(axis=0)
    return np.asarray(~missing, dtype=bool)


def as_table(metrics: tuple[Metric, ...]) -> dict[str, dict[str, Any]]:
    """Plain values: population -> {n, dates, mae, ci95 (None: one date alone), mean_error, ...}."""
    table: dict[str, dict[str, Any]] = {}
    for metric in metrics:
        row = table.setdefault(
            metric.population,
            {"n": metric.n, "date_from": metric.date_from.isoformat(), "date_to": metric.date_to.isoformat()},
        )
        row[metric.name] = metric.value
        if metric.name == "mae":
            row["ci95"] = list(metric.ci95) if metric.ci95 is not None else None
    return table


@dataclass(frozen=True)
class _About:
    """The rows that figures are about."""

    frame: pl.DataFrame
    rows: npt.NDArray[np.bool_]
    population: str
    build_id: int

    def figures(self, scored: Scored) -> list[Metric]:
        actual = self.frame["target"].to_numpy()[self.rows]
        point = scored.point[self.rows]
        dates = self.frame["game_date"].to_numpy().astype("datetime64[D]")[self.rows]
        errors = point - actual
        figures = [
            self._metric("mae", mean_absolute_error(actual, point), dates, interval_by_date(np.abs(errors), dates)),
            self._metric("mean_error", mean_error(actual, point), dates, interval_by_date(errors, dates)),
            self._metric("share_within_3", share_within(actual, point, 3), dates),
            self._metric("share_within_5", share_within(actual, point, 5), dates),
            self._metric("share_above", share_above(actual, point), dates),
        ]
        if scored.low is not None and scored.high is not None:
            inside = (actual >= scored.low[self.rows]) & (actual <= scored.high[self.rows])
            figures.append(self._metric("interval_80_coverage", float(inside.mean()), dates))
        return figures

    def _metric(
        self, name: str, value: float, dates: npt.NDArray[np.datetime64], ci95: tuple[float, float] | None = None
    ) -> Metric:
        first, last = (date.fromisoformat(str(day)) for day in (dates.min(), dates.max()))
        return Metric(name, value, len(dates), self.population, first, last, self.build_id, ci95)
