"""The pictures that a run is given: what moves the model, where it errs, whether what it claims holds."""

from __future__ import annotations

import numpy as np
import polars as pl

from contracts.metrics import Floats
from contracts.populations import LINE_TARGET
from systems.residuals import Residuals
from training import plots
from training.dataset import PRICES
from training.evaluation import baseline_predictions, line_of, predicted_by_all
from training.runs import Run
from training.steps import Prepared

EXPLAINED_ROWS = 250
"""As many rows, drawn evenly from those predicted on the validation dates, show which features matter."""


def draw_training(run: Run, prepared: Prepared, residuals: Residuals, predicted: Floats) -> None:
    """All pictures of a training, on the validation rows of its population that everybody could predict.

    `predicted` is what the system says of the validation rows (`predict_validation`).
    """
    dataset, system, target = prepared.dataset, prepared.system, prepared.dataset.target
    rows = prepared.block(prepared.split.validation)
    matrix, frame = dataset.matrix(prepared.features)[rows], dataset.frame.filter(pl.Series(rows))
    contenders = {system.name: prepared.of_population(predicted)} | {
        name: point
        for name, point in baseline_predictions(frame, prepared.columns.present, target).items()
        if name != system.name
    }
    known = predicted_by_all(contenders)
    if not known.any():
        return
    about = f"{system.name}, {dataset.population}, {prepared.split.validation}"
    _explain(run, prepared, matrix[known], about)
    frame, kept = frame.filter(pl.Series(known)), {name: values[known] for name, values in contenders.items()}
    actual, point, line = frame["target"].to_numpy(), kept[system.name], line_of(frame)
    on_rows = f"{about}, {len(actual):,} rows"
    run.figure(plots.residuals_by_prediction(actual, point, target=target, about=on_rows), "residuals_by_prediction")
    run.figure(plots.interval_calibration(actual, point, residuals, about=on_rows), "interval_calibration")
    draw_chances(run, frame, residuals.over_probability(point, line), target=target, about=about)
    draw_errors(run, frame, kept, target=target, about=on_rows)


def draw_errors(
    run: Run,
    frame: pl.DataFrame,
    predictions: dict[str, Floats],
    *,
    target: str,
    about: str,
) -> None:
    """The errors of `predictions` (by name, the run's system first) by month and, for points, by tier."""
    actual, of_line = frame["target"].to_numpy(), target == LINE_TARGET
    line, dates = line_of(frame) if of_line else None, frame["game_date"].to_numpy().astype("datetime64[D]")
    by_month = plots.mae_by_month(actual, predictions, dates, line=line, target=target, about=about)
    run.figure(by_month, "mae_by_month")
    if of_line:
        run.figure(plots.mae_by_tier(actual, predictions, target=target, about=about), "mae_by_tier")


def draw_chances(run: Run, frame: pl.DataFrame, over: Floats, *, target: str, about: str) -> None:
    """How often results went over the line, by the probability `over` (n,) given to it for the rows of `frame`.

    Nothing where there are no lines of the target that a result could go over or stay under.
    """
    line, actual = line_of(frame), frame["target"].to_numpy()
    decided = np.isfinite(line) & np.isfinite(over) & (actual != line)
    if target != LINE_TARGET or not decided.any():
        return
    given = {"the system": over[decided]}
    if PRICES in frame.columns:
        given["the books' prices"] = frame[PRICES].cast(pl.Float64).fill_null(np.nan).to_numpy()[decided]
    about = f"{about}, {int(decided.sum()):,} rows with a line"
    run.figure(plots.over_calibration((actual > line)[decided], given, about=about), "over_calibration")


def _explain(run: Run, prepared: Prepared, matrix: Floats, about: str) -> None:
    """Which features matter and which way, on some of the rows: what cannot be predicted has no contributions."""
    some = matrix[np.linspace(0, len(matrix) - 1, min(EXPLAINED_ROWS, len(matrix))).astype(int)]
    parts, target = prepared.system.contributions(some).by_feature, prepared.dataset.target
    about = f"{about}, {len(some):,} rows"
    run.figure(plots.importance(prepared.features, parts, target=target, about=about), "importance")
    run.figure(plots.shap_summary(prepared.features, parts, some, target=target, about=about), "shap_summary")
