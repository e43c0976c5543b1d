"""Everything that a run says of a training: parameters, figures, tags, plots, the dataset and a description."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from contracts.metrics import Floats, Metric
from contracts.model_metadata import ModelMetadata
from systems.residuals import Residuals
from training.dataset import prices_sha256
from training.description import describe
from training.evaluation import Evaluation
from training.gallery import draw_training
from training.runs import Run
from training.source import find_source
from training.steps import Prepared


def introduce(run: Run, prepared: Prepared, metadata: ModelMetadata) -> None:
    """Say in the open run what was trained, on what and by which code; MLflow copies parameters to the model."""
    run.say(params=_params(prepared, metadata), tags=_tags(prepared, metadata))


def report(
    run: Run,
    prepared: Prepared,
    metadata: ModelMetadata,
    evaluation: Evaluation,
    residuals: Residuals,
    predicted: Floats,
    *,
    model_id: str,
) -> None:
    """Write what came of it into the open run; the figures are the logged model `model_id`'s too.

    `predicted` is what it says of the validation rows (`predict_validation`).
    """
    dataset = prepared.dataset
    run.say(
        metrics=dict(figures(evaluation)),
        model_id=model_id,
        description=describe(prepared, evaluation),
    )
    run.curve("tune_mae", prepared.system.learning_curve)
    where = {"table": f"ml_feature_store_{dataset.feature_set.name}", "build_id": dataset.build_id}
    run.dataset(dataset, f"train {prepared.split.train}, validation {prepared.split.validation}", where)
    run.document(prepared.columns.coverage, "coverage.json")
    run.table(list(told(metadata.system, evaluation)), "figures.json")
    draw_training(run, prepared, residuals, predicted)


def figures(evaluation: Evaluation, prefix: str = "val") -> Iterator[tuple[str, float]]:
    """Metric names of a run: val_mae_played, val_mae_ci_low_played, val_n_played, baseline_season_average_mae_played,
    line_mae_lined, ...
    """
    of_system = (*evaluation.metrics, *evaluation.tiers, *evaluation.chances)
    yield from _named(prefix, of_system)
    for name, metrics in evaluation.baselines.items():
        yield from _named(f"baseline_{name}", [one for one in metrics if one.name in ("mae", "crps")])
    yield from _named("line", [one for one in evaluation.line if one.name == "mae"])
    yield from _named("line", evaluation.line_chances)
    yield from {f"{prefix}_n_{metric.population}": float(metric.n) for metric in of_system}.items()
    for population, counts in evaluation.n_unpredicted.items():
        yield f"{prefix}_n_unpredicted_{population}", counts["system"]
    if evaluation.gap is not None:
        yield "train_validation_gap_mae", evaluation.gap


def told(system: str, evaluation: Evaluation) -> Iterator[dict[str, object]]:
    """Every figure as a row of one table: whose, of which rows, what, its interval, N and dates."""
    line = (*evaluation.line, *evaluation.line_chances)
    of_system = (*evaluation.metrics, *evaluation.tiers, *evaluation.chances)
    for who, metrics in ({system: of_system} | dict(evaluation.baselines) | {"the books": line}).items():
        for one in metrics:
            low, high = one.ci95 or (None, None)
            about = {"who": who, "population": one.population, "figure": one.name}
            rows = {"n": one.n, "from": str(one.date_from), "to": str(one.date_to)}
            yield about | {"value": one.value, "ci95_low": low, "ci95_high": high} | rows


def code_tags(library_versions: Mapping[str, str]) -> dict[str, object]:
    """Tags that say which code ran and where: commit, whether it was changed, libraries' versions, the host's cores."""
    source = find_source()
    tags: dict[str, object] = {f"library.{name}": value for name, value in library_versions.items()}
    tags["host_cores"] = os.cpu_count()
    tags["git_commit"] = source.commit or "unknown"
    tags["git_dirty"] = "unknown" if source.is_dirty is None else str(source.is_dirty).lower()
    return tags


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
        "learned_rows": " and ".join(prepared.dataset.learned_populations(prepared.system)),
        "n_train": int(prepared.learnable(split.train).sum()),
        "n_tune": int(prepared.learnable(split.tune).sum()),
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


def _named(prefix: str, metrics: Sequence[Metric]) -> Iterator[tuple[str, float]]:
    for metric in metrics:
        yield f"{prefix}_{metric.name}_{metric.population}", metric.value
        if metric.ci95 is not None:
            for end, value in zip(("low", "high"), metric.ci95, strict=True):
                yield f"{prefix}_{metric.name}_ci_{end}_{metric.population}", value
