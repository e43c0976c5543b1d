"""Everything that a run says of a training: parameters, figures, tags, plots, the dataset and a description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from contracts.metrics import Floats, Metric
from contracts.model_metadata import ModelMetadata
from contracts.populations import LINE_TARGET
from systems.residuals import Residuals
from training import plots
from training.dataset import PRICES, prices_sha256
from training.description import describe
from training.evaluation import Evaluation, baseline_predictions, line_of
from training.runs import Run
from training.source import find_source
from training.steps import Prepared

WITH_INTERVAL = ("mae", "crps", "interval_80_coverage", "brier", "log_loss")
"""Figures whose 95 % interval is logged beside them."""

EXPLAINED_ROWS = 2_000
"""As many rows, drawn evenly from those predicted on the validation dates, show which features matter."""


def report(run: Run, prepared: Prepared, metadata: ModelMetadata, evaluation: Evaluation, residuals: Residuals) -> None:
    """Write all of it into the open run."""
    dataset = prepared.dataset
    run.say(
        params=_params(prepared, metadata),
        tags=_tags(prepared, metadata),
        metrics=dict(figures(evaluation)),
        description=describe(metadata.system, dataset, prepared.split, evaluation, prepared.absent),
    )
    run.curve("tune_mae", prepared.system.learning_curve)
    where = {"table": f"ml_feature_store_{dataset.feature_set.name}", "build_id": dataset.build_id}
    run.dataset(dataset, f"train {prepared.split.train}, validation {prepared.split.validation}", where)
    run.document(prepared.columns.coverage, "coverage.json")
    _draw(run, prepared, residuals)


def figures(evaluation: Evaluation, prefix: str = "val") -> Iterator[tuple[str, float]]:
    """Metric names of a run: val_mae_played, baseline_season_average_mae_played, line_mae_lined, ..."""
    yield from _named(prefix, evaluation.metrics)
    for name, metrics in evaluation.baselines.items():
        yield from _named(f"baseline_{name}", [one for one in metrics if one.name in ("mae", "crps")])
    yield from _named("line", [one for one in evaluation.line if one.name == "mae"])
    yield from _named(prefix, [*evaluation.tiers, *evaluation.chances])
    yield from _named("line", evaluation.line_chances)
    for metric in (*evaluation.metrics, *evaluation.tiers, *evaluation.chances):
        if metric.name in ("mae", "brier"):
            yield f"{prefix}_n_{metric.population}", metric.n
    for population, counts in evaluation.n_unpredicted.items():
        yield f"{prefix}_n_unpredicted_{population}", counts["system"]


def code_tags(library_versions: Mapping[str, str]) -> dict[str, object]:
    """Tags that say which code ran: the commit, whether it was changed since, and the libraries' versions."""
    source = find_source()
    tags: dict[str, object] = {f"library.{name}": value for name, value in library_versions.items()}
    tags["git_commit"] = source.commit or "unknown"
    tags["git_dirty"] = "unknown" if source.is_dirty is None else str(source.is_dirty).lower()
    return tags


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


def _params(prepared: Prepared, metadata: ModelMetadata) -> dict[str, object]:
    """Under names that are no parameters of MLproject: `mlflow run` has logged those as given, and none may change."""
    split, known = prepared.split, len(prepared.dataset.feature_set.names)
    return {
        "features": f"{metadata.feature_set} ({len(metadata.features)} of {known})",
        "rows": metadata.population,
        "target": metadata.target,
        "train": str(split.train),
        "tune": str(split.tune),
        "validation": str(split.validation),
        "n_train": int(prepared.block(split.train).sum()),
        "n_tune": int(prepared.block(split.tune).sum()),
        "n_validation": int(prepared.block(split.validation).sum()),
        "seed": metadata.seed,
        "device": prepared.system.device,
    } | metadata.hyperparameters


def _tags(prepared: Prepared, metadata: ModelMetadata) -> dict[str, object]:
    return {
        "system": metadata.system,
        "target": metadata.target,
        "population": metadata.population,
        "feature_set": metadata.feature_set,
        "feature_set_hash": metadata.feature_set_hash,
        "build_id": metadata.build_id,
        "dataset_sha256": metadata.dataset_sha256,
        "dataset_dates": f"{prepared.dataset.dates.min()}..{prepared.dataset.dates.max()}",
        "prices_sha256": prices_sha256(prepared.dataset),
        "absent_features": ", ".join(prepared.absent) or "none",
        "closing_game_lines": "accepted" if prepared.dataset.feature_set.accept_closing_game_lines else "not used",
    } | code_tags(metadata.library_versions)


def _named(prefix: str, metrics: list[Metric] | tuple[Metric, ...]) -> Iterator[tuple[str, float]]:
    for metric in metrics:
        yield f"{prefix}_{metric.name}_{metric.population}", metric.value
        if metric.ci95 is not None and metric.name in WITH_INTERVAL:
            for end, value in zip(("low", "high"), metric.ci95, strict=True):
                yield f"{prefix}_{metric.name}_ci_{end}_{metric.population}", value


def _draw(run: Run, prepared: Prepared, residuals: Residuals) -> None:
    dataset, system = prepared.dataset, prepared.system
    rows = prepared.block(prepared.split.validation)
    matrix = dataset.matrix(prepared.features)[rows]
    frame = dataset.frame.filter(pl.Series(rows))
    predictions = {system.name: system.predict(matrix)} | {
        name: point
        for name, point in baseline_predictions(frame, prepared.columns.present, dataset.target).items()
        if name != system.name
    }
    predicted = ~np.isnan(np.stack(list(predictions.values()))).any(axis=0)
    actual, point = frame["target"].to_numpy()[predicted], predictions[system.name][predicted]
    if not predicted.any():
        return
    target, about = dataset.target, f"{system.name}, {dataset.population}, {prepared.split.validation}"
    on_rows = f"{about}, {int(predicted.sum()):,} rows"
    some = np.flatnonzero(predicted)  # what cannot be predicted has no contributions
    some = some[np.linspace(0, len(some) - 1, min(EXPLAINED_ROWS, len(some))).astype(int)]
    parts = system.contributions(matrix[some]).by_feature
    on_some = f"{about}, {len(some):,} rows"
    run.figure(plots.importance(prepared.features, parts, target=target, about=on_some), "importance")
    run.figure(plots.residuals_by_prediction(actual, point, target=target, about=on_rows), "residuals_by_prediction")
    run.figure(plots.interval_calibration(actual, point, residuals, about=on_rows), "interval_calibration")
    compared = frame.filter(pl.Series(predicted))
    draw_chances(run, compared, residuals.over_probability(point, line_of(compared)), target=target, about=about)
    kept = {name: values[predicted] for name, values in predictions.items()}
    dates = dataset.dates[rows][predicted]
    run.figure(plots.mae_by_month(actual, kept, dates, target=target, about=on_rows), "mae_by_month")
