"""The steps of a training: rows prepared, system fitted, spread learned, validated, described, kept."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from contracts.clock import now
from contracts.errors import UsageError
from contracts.metrics import Floats
from contracts.model_metadata import ModelMetadata
from contracts.settings import Settings, TrainingSettings
from features.feature_sets import load_feature_set
from systems.base import System
from systems.catalog import create_system
from systems.model import Model, make_golden_rows, save_model
from systems.residuals import Residuals, fit_residuals
from systems.versions import library_versions
from training.dataset import Columns, Dataset, choose_columns, load_dataset, refuse_low_coverage
from training.evaluation import Evaluation, Scored, as_table, baseline_predictions, evaluate, line_of, score
from training.model_log import ARTIFACT, LoggedModel, log_model
from training.source import find_source
from training.splits import Mask, Span, Split, split_by_date
from training.yardsticks import baselines_after, line_after

LIBRARIES = ("tipoff", "numpy", "polars", "pandas", "mlflow")
"""Recorded with every model, beside the libraries of its system."""


GAP_ROWS = 20_000
"""As many of the rows that were learned from tell how much better a model knows them than others."""


@dataclass(frozen=True)
class Prepared:
    """Everything that is settled before a run begins.

    `features` are the columns that the system is given, in order; `absent` those it would have been given, had they
    any value in the rows it learns from.
    """

    dataset: Dataset
    split: Split
    columns: Columns
    system: System
    features: list[str]
    absent: list[str]
    seed: int

    def block(self, *blocks: Span) -> Mask:
        """The rows of the population in `blocks`, (n,)."""
        return self.dataset.in_population & self.split.mask(self.dataset.dates, *blocks)

    def learnable(self, *blocks: Span) -> Mask:
        """The rows in `blocks` that the system may learn from, (n,)."""
        return self.dataset.learnable(self.system) & self.split.mask(self.dataset.dates, *blocks)

    @property
    def validation(self) -> Mask:
        """Every row of the validation dates, of whatever population, (n,)."""
        return self.split.mask(self.dataset.dates, self.split.validation)

    def of_population(self, values: Floats) -> Floats:
        """Those of `values`, one for each row of `validation`, that are about the population."""
        chosen: Floats = values[self.dataset.in_population[self.validation]]
        return chosen

    @property
    def learned(self) -> Mask:
        """The rows of the population that were learned from or tuned by, (n,)."""
        return self.block(self.split.train, self.split.tune)

    @property
    def learned_span(self) -> Span | None:
        """The dates that the model has seen, tuning included; None where nothing was fitted."""
        return Span(self.split.train.first, self.split.tune.last) if self.system.learns else None


@dataclass(frozen=True)
class Kept:
    """Where the model lies in MLflow, and the hash over its folder."""

    logged: LoggedModel
    sha256: str


def prepare(
    engine: sa.Engine,
    settings: Settings,
    system: str,
    feature_set: str,
    population: str,
    dates: dict[str, date | None],
    parameters: Mapping[str, Any] | None = None,
    snapshots: Path | None = None,
) -> Prepared:
    """The rows, the split and the columns of a training; nothing is fitted or logged yet.

    `parameters` go over those of the system's conf entry; `snapshots` is as in `load_dataset`.
    Raises what `train` does.
    """
    made = create_system(system, parameters=parameters, device=settings.training.device)
    dataset = load_dataset(
        engine,
        load_feature_set(feature_set),
        settings,
        population=population,
        date_from=dates.get("train_from"),
        date_to=dates.get("val_to"),
        snapshots=snapshots,
    )
    return settle(dataset, made, settings.training, dates)


def settle(dataset: Dataset, system: System, settings: TrainingSettings, dates: dict[str, date | None]) -> Prepared:
    """The split of `dataset` and the columns that `system` gets.

    Raises UsageError for spans that cannot be or a column that the system cannot do without, RefusedError for
    sparse columns.
    """
    split = split_by_date(
        dataset.dates,
        validation_share=settings.validation_share,
        tune_share=settings.tune_share,
        embargo_days=settings.embargo_days,
        window_days=settings.window_days,
        **dates,
    )
    _refuse_empty(dataset, split)
    return settle_columns(dataset, split, system, settings)


def settle_columns(dataset: Dataset, split: Split, system: System, settings: TrainingSettings) -> Prepared:
    """The columns that `system` gets of `dataset`: those with values in the rows of its population that it learns from.

    What it learns from besides lacks values by nature, and is no reason to call a column sparse.
    Raises UsageError for a column that the system or a baseline cannot do without, RefusedError for sparse columns.
    """
    learned_from = dataset.in_population & split.mask(dataset.dates, split.train, split.tune)
    columns = choose_columns(dataset, learned_from, system.copied_features(dataset.target))
    baseline_predictions(dataset.frame.head(0), columns.present, dataset.target)  # refuses before hours of fitting
    features = system.choose_features(columns.present, dataset.target)
    wanted = system.choose_features(dataset.feature_set.names, dataset.target)
    refuse_low_coverage(columns, features, settings)
    absent = [name for name in wanted if name in columns.absent]
    return Prepared(dataset, split, columns, system, features, absent, settings.seed)


def fit(prepared: Prepared) -> None:
    """Fit the system on the train block, stopping by the tune block."""
    dataset, split = prepared.dataset, prepared.split
    prepared.system.fit(
        dataset.rows(prepared.features, prepared.learnable(split.train)),
        dataset.rows(prepared.features, prepared.learnable(split.tune)),
        features=prepared.features,
        target=dataset.target,
        seed=prepared.seed,
    )


def learn_spread(prepared: Prepared) -> Residuals:
    """How far results fell from predictions (`before_validation`).

    Raises UsageError where too few rows could be predicted.
    """
    return fit_residuals(*before_validation(prepared))


def before_validation(prepared: Prepared) -> tuple[Floats, Floats]:
    """(results, predictions) of the tune block, whose rows the system was not fitted on; NaN: not predicted.

    A system that fits nothing has no such rows, so all that come before validation count.
    """
    split = prepared.split
    blocks = (split.tune,) if prepared.system.learns else (split.train, split.tune)
    rows = prepared.dataset.rows(prepared.features, prepared.block(*blocks))
    return rows.target, prepared.system.predict(rows.matrix)


def predict_validation(prepared: Prepared) -> Floats:
    """What the fitted system predicts for each row of `prepared.validation`, NaN: nothing."""
    return prepared.system.predict(prepared.dataset.matrix(prepared.features)[prepared.validation])


def validate(prepared: Prepared, residuals: Residuals, predicted: Floats) -> Evaluation:
    """The figures of `predicted` (`predict_validation`), with the baselines' on the same rows.

    Raises UsageError where there is no row that all of them could predict.
    """
    dataset = prepared.dataset
    frame = dataset.frame.filter(prepared.validation)
    evaluation = evaluate(
        frame,
        score(predicted, residuals, line_of(frame)),
        baselines=score_baselines(prepared),
        line=line_after(dataset, prepared.learned, prepared.validation),
        target=dataset.target,
        build_id=dataset.build_id,
    )
    if not evaluation.metrics:
        raise UsageError(
            f"{prepared.system.name} and the averages together could predict no row of {prepared.split.validation}.",
            remedy="Give other dates, --val-from and --val-to, or choose another --system.",
        )
    return replace(evaluation, gap=_gap(prepared, evaluation))


def score_baselines(prepared: Prepared) -> dict[str, Scored]:
    """The baselines on the validation dates, each with the spread of its errors on all rows before: it fits nothing."""
    seen = prepared.block(prepared.split.train, prepared.split.tune)
    return baselines_after(prepared.dataset, prepared.columns.present, seen, prepared.validation)


def describe_model(
    prepared: Prepared, evaluation: Evaluation, residuals: Residuals, predicted: Floats
) -> ModelMetadata:
    """What the model says of itself, with golden rows from the validation rows of its population (`predicted`)."""
    dataset, system, split = prepared.dataset, prepared.system, prepared.split
    golden = dataset.matrix(prepared.features)[prepared.block(split.validation)]
    learned, made, source = prepared.learned_span, now(), find_source()
    return ModelMetadata(
        model_id=f"{system.name}_{dataset.feature_set.name}_{made:%Y%m%d_%H%M%S}",
        system=system.name,
        target=dataset.target,
        estimates=system.estimates,
        feature_set=dataset.feature_set.name,
        feature_set_hash=dataset.feature_set.hash,
        build_id=dataset.build_id,
        features=prepared.features,
        absent_features=prepared.absent,
        training_samples=int(prepared.learnable(split.train).sum()) if learned else 0,
        learns_besides=list(system.learns_besides),
        population=dataset.population,
        train_from=str(split.train.first) if learned else None,
        train_to=str(split.train.last) if learned else None,
        tune_from=str(split.tune.first) if learned else None,
        tune_to=str(split.tune.last) if learned else None,
        date_range={
            "learned": (str(learned.first), str(learned.last)) if learned else None,
            "validated": (str(split.validation.first), str(split.validation.last)),
        },
        hyperparameters=system.hyperparameters,
        seed=prepared.seed,
        library_versions=library_versions([*LIBRARIES, *system.libraries]),
        git_commit=source.commit,
        git_dirty=source.is_dirty,
        dataset_sha256=dataset.sha256,
        results={
            "metrics": as_table(evaluation.metrics),
            "baselines": {name: as_table(metrics) for name, metrics in evaluation.baselines.items()},
            "line": as_table(evaluation.line),
            "tiers": as_table(evaluation.tiers),
            "chances": {"system": as_table(evaluation.chances), "line": as_table(evaluation.line_chances)},
            "train_validation_gap": evaluation.gap,
        },
        bands=residuals.edges.tolist(),
        residual_quantiles=residuals.quantiles.tolist(),
        residual_growth=residuals.growth,
        golden_rows=make_golden_rows(prepared.features, golden, prepared.of_population(predicted)),
        created_at=made.isoformat(),
    )


def keep(prepared: Prepared, metadata: ModelMetadata) -> Kept:
    """Save the model in its native format and log it under the active run."""
    with tempfile.TemporaryDirectory(prefix="tipoff-") as scratch:
        folder = Path(scratch) / ARTIFACT
        sha256 = save_model(Model(prepared.system, metadata), folder)
        logged = log_model(folder, metadata, libraries=prepared.system.libraries)
    return Kept(logged, sha256)


def _gap(prepared: Prepared, evaluation: Evaluation) -> float | None:
    """MAE on validation less that on up to GAP_ROWS rows, evenly spread, that it was fitted on, of its population."""
    validated = evaluation.metric("mae", prepared.dataset.population)
    if not prepared.system.learns or validated is None:
        return None
    fitted = np.flatnonzero(prepared.block(prepared.split.train))  # of its population, as the validated are
    some = fitted[np.linspace(0, len(fitted) - 1, min(GAP_ROWS, len(fitted))).astype(int)]
    rows = prepared.dataset.rows(prepared.features, some)
    errors = prepared.system.predict(rows.matrix) - rows.target
    return float(validated.value - np.nanmean(np.abs(errors)))


def _refuse_empty(dataset: Dataset, split: Split) -> None:
    blocks = {"train": split.train, "tune": split.tune, "validation": split.validation}
    empty = [
        f"{name} {span}"
        for name, span in blocks.items()
        if not (dataset.in_population & split.mask(dataset.dates, span)).any()
    ]
    if empty:
        raise UsageError(
            f"No row of population {dataset.population!r} lies in {', '.join(empty)}.",
            remedy="Give other dates: --train-from, --train-to, --val-from, --val-to; or another --population.",
        )
