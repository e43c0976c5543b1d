"""How good predictions are: figures by population and tier, the baselines' and the line's on the very same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from contracts.errors import UsageError
from contracts.metrics import (
    Floats,
    Metric,
    brier_scores,
    crps,
    interval_by_date,
    log_losses,
    mean_absolute_error,
    mean_error,
    share_above,
    share_within,
)
from contracts.populations import LINE_TARGET, TIERS, tier
from contracts.populations import population as population_rows
from systems.base import Rows
from systems.catalog import create_system
from systems.residuals import LEVELS, Residuals

POPULATIONS = ("played", "rotation", "early", "lined")
"""What a validation reports on, where there are rows of it."""

BASELINES = ("season_average", "last_10_average")


PRICED = "priced"
"""The lined rows with a price at the cut-off and a result other than the line: a bet on them was won or lost."""

PRICED_LATER = "priced_later"
"""The priced rows that enough lined ones came before to learn how far results fall from a line."""


@dataclass(frozen=True)
class Scored:
    """Predictions for the rows of a frame, float64 (n,), NaN = none; with more where their distribution is known.

    `low` and `high` are the ends of an 80 % interval, `quantiles` (n, 99) those of the result at residuals' LEVELS,
    `over` the probability of going over the row's line (NaN: no line).
    """

    point: Floats
    low: Floats | None = None
    high: Floats | None = None
    quantiles: Floats | None = None
    over: Floats | None = None


@dataclass(frozen=True)
class Evaluation:
    """Every figure of one validation.

    `metrics` are the system's, `baselines` those of each baseline, `line` the betting line's: for one population all
    are about the same rows, which are those that the system and every baseline could predict. How many rows each of
    them could not predict stands in `n_unpredicted`: population -> name -> count. `tiers` are the system's figures on
    the parts of `played` by predicted points, population 'played_bench' and so on; `chances` its Brier score and log
    loss of going over the line on the rows of PRICED and its CRPS on those of PRICED_LATER, and `line_chances` those of
    the books' line and prices on the same rows. `gap` is how much better (MAE) the rows were known that the system was
    fitted on, None where it learned nothing: the one figure that in-sample rows are in.
    """

    metrics: tuple[Metric, ...]
    baselines: Mapping[str, tuple[Metric, ...]]
    line: tuple[Metric, ...]
    n_unpredicted: Mapping[str, Mapping[str, int]]
    tiers: tuple[Metric, ...] = ()
    chances: tuple[Metric, ...] = ()
    line_chances: tuple[Metric, ...] = ()
    gap: float | None = None

    def metric(self, name: str, population: str) -> Metric | None:
        """The system's figure `name` for `population`, or None where there are no such rows."""
        return next((one for one in self.metrics if (one.name, one.population) == (name, population)), None)

    def about(self, population: str | None) -> Evaluation:
        """The same of one of POPULATIONS alone (None: all of it).

        Raises UsageError where there are no rows of it.
        """
        if population is None:
            return self
        known = {one.population for one in self.metrics}
        if population not in known:
            raise UsageError(
                f"There is no row of population {population!r} here.", remedy=f"There are {', '.join(sorted(known))}."
            )
        parts = {"played": ("tiers",), "lined": ("line", "chances", "line_chances")}.get(population, ())
        gone: dict[str, Any] = {name: () for name in ("line", "tiers", "chances", "line_chances") if name not in parts}
        return replace(
            self,
            metrics=_of(self.metrics, population),
            baselines={name: _of(metrics, population) for name, metrics in self.baselines.items()},
            n_unpredicted={population: self.n_unpredicted[population]},
            **gone,
        )


def evaluate(
    frame: pl.DataFrame,
    scored: Scored,
    *,
    baselines: Mapping[str, Scored],
    line: Scored | None = None,
    target: str,
    build_id: int,
) -> Evaluation:
    """The figures of `scored` and of `baselines` (by name) over `frame`, a Dataset's rows.

    The line is compared only where it is a line of the target; `line` is what the books say of the whole distribution,
    with NaN quantiles for a row of which they say nothing.
    """
    metrics: list[Metric] = []
    of_baselines: dict[str, list[Metric]] = {name: [] for name in baselines}
    of_line: list[Metric] = []
    unpredicted: dict[str, dict[str, int]] = {}
    contenders = {"system": scored.point} | {name: one.point for name, one in baselines.items()}
    predicted = predicted_by_all(contenders)
    for population in POPULATIONS if target == LINE_TARGET else POPULATIONS[:-1]:
        members = _members(frame, population)
        unpredicted[population] = {name: int(np.isnan(point[members]).sum()) for name, point in contenders.items()}
        rows = members & predicted
        if not rows.any():
            continue
        about = _About(frame, rows, population, build_id)
        metrics += about.figures(scored)
        for name, baseline in baselines.items():
            of_baselines[name] += about.figures(baseline)
        if population == "lined":
            of_line += about.figures(Scored(line_of(frame)))
    made = Evaluation(tuple(metrics), {k: tuple(v) for k, v in of_baselines.items()}, tuple(of_line), unpredicted)
    if target != LINE_TARGET:
        return made
    chances, line_chances = _chances(frame, predicted, scored, line, build_id)
    return replace(made, tiers=_by_tier(frame, predicted, scored, build_id), chances=chances, line_chances=line_chances)


def score(point: Floats, residuals: Residuals, line: Floats) -> Scored:
    """Predictions with all that `residuals` say of the results; `line` (n,), NaN = none."""
    return Scored(
        point,
        *residuals.interval(point),
        quantiles=residuals.result_quantiles(point),
        over=residuals.over_probability(point, line),
    )


def joined(parts: Sequence[Scored]) -> Scored:
    """Predictions of successive rows as one; what one of them lacks, all lack."""
    columns = {f.name: [getattr(part, f.name) for part in parts] for f in fields(Scored)}
    known = {name: values for name, values in columns.items() if all(one is not None for one in values)}
    return Scored(**{name: np.concatenate(values) for name, values in known.items()})


def line_of(frame: pl.DataFrame) -> Floats:
    """The line of each row of a Dataset's frame, (n,), NaN = none."""
    return frame["line"].cast(pl.Float64).fill_null(np.nan).to_numpy()


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


def _of(metrics: tuple[Metric, ...], population: str) -> tuple[Metric, ...]:
    return tuple(one for one in metrics if one.population == population)


def _members(frame: pl.DataFrame, population: str) -> npt.NDArray[np.bool_]:
    return frame.select(population_rows(population).fill_null(False)).to_series().to_numpy()


def _by_tier(
    frame: pl.DataFrame, predicted: npt.NDArray[np.bool_], scored: Scored, build_id: int
) -> tuple[Metric, ...]:
    played = _members(frame, "played") & predicted
    tiers = tier(np.nan_to_num(scored.point))
    parts = ((name, played & (tiers == place)) for place, name in enumerate(TIERS))
    made = (_About(frame, rows, f"played_{name}", build_id).figures(scored) for name, rows in parts if rows.any())
    return tuple(metric for metrics in made for metric in metrics)


def _chances(
    frame: pl.DataFrame, predicted: npt.NDArray[np.bool_], scored: Scored, line: Scored | None, build_id: int
) -> tuple[tuple[Metric, ...], tuple[Metric, ...]]:
    """The system's and the books' figures on the same rows; nothing where there are none."""
    if scored.over is None or "line_over_probability" not in frame.columns:
        return (), ()
    stated = frame["line_over_probability"].to_numpy().astype(np.float64)
    decided = (frame["target"] != frame["line"]).fill_null(False).to_numpy()
    rows = _members(frame, "lined") & predicted & decided & np.isfinite(stated) & np.isfinite(scored.over)
    if not rows.any():
        return (), ()
    about = _About(frame, rows, PRICED, build_id)
    mine, theirs = about.chances(scored.over), about.chances(stated)
    if line is not None and line.quantiles is not None and scored.quantiles is not None:
        later = rows & np.isfinite(line.quantiles).all(axis=1)
        if later.any():
            about = _About(frame, later, PRICED_LATER, build_id)
            mine.append(about.crps(scored.quantiles))
            theirs.append(about.crps(line.quantiles))
    return tuple(mine), tuple(theirs)


@dataclass(frozen=True)
class _About:
    """The rows that figures are about."""

    frame: pl.DataFrame
    rows: npt.NDArray[np.bool_]
    population: str
    build_id: int

    def figures(self, scored: Scored) -> list[Metric]:
        actual, point = self._actual, scored.point[self.rows]
        errors = point - actual
        distance = np.abs(errors)
        figures = [
            self._metric("mae", mean_absolute_error(actual, point), distance),
            self._metric("mean_error", mean_error(actual, point), errors),
            self._metric("share_within_3", share_within(actual, point, 3), distance <= 3),
            self._metric("share_within_5", share_within(actual, point, 5), distance <= 5),
            self._metric("share_above", share_above(actual, point), (errors < 0) + 0.5 * (errors == 0)),
        ]
        if scored.low is not None and scored.high is not None:
            inside = (actual >= scored.low[self.rows]) & (actual <= scored.high[self.rows])
            figures.append(self._mean("interval_80_coverage", inside))
        if scored.quantiles is not None:
            figures.append(self.crps(scored.quantiles))
        return figures

    def chances(self, over: Floats) -> list[Metric]:
        went_over = self._actual > self.frame["line"].to_numpy()[self.rows]
        return [
            self._mean("brier", brier_scores(over[self.rows], went_over)),
            self._mean("log_loss", log_losses(over[self.rows], went_over)),
        ]

    def crps(self, quantiles: Floats) -> Metric:
        return self._mean("crps", crps(self._actual, quantiles[self.rows], LEVELS))

    @cached_property
    def _actual(self) -> Floats:
        return self.frame["target"].to_numpy()[self.rows]

    @cached_property
    def _dates(self) -> npt.NDArray[np.datetime64]:
        return self.frame["game_date"].to_numpy().astype("datetime64[D]")[self.rows]

    def _mean(self, name: str, values: npt.NDArray[Any]) -> Metric:
        return self._metric(name, float(values.mean()), values)

    def _metric(self, name: str, value: float, values: npt.NDArray[Any]) -> Metric:
        """The figure with the interval of the mean of its rows' `values`."""
        dates = self._dates
        first, last = (date.fromisoformat(str(day)) for day in (dates.min(), dates.max()))
        ends = interval_by_date(values, dates)
        return Metric(name, value, len(dates), self.population, first, last, self.build_id, ends)
