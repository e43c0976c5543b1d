"""One training, from the feature table to a registered version: each step is a function that says what it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from contracts.home import Home
from contracts.metrics import Metric
from contracts.settings import Settings
from registry.promotion import register
from registry.versions import NewVersion
from training.description import run_name
from training.evaluation import Evaluation, as_table
from training.report import introduce, report
from training.runs import Run, open_run, refuse_other_store
from training.steps import (
    Kept,
    Prepared,
    describe_model,
    fit,
    keep,
    learn_spread,
    predict_validation,
    prepare,
    validate,
)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class TrainRequest:
    """What to train: a system, on the rows of a feature set, split by the given dates or else by shares."""

    system: str
    feature_set: str
    population: str
    train_from: date | None = None
    train_to: date | None = None
    val_from: date | None = None
    val_to: date | None = None
    register: bool = True

    @property
    def dates(self) -> dict[str, date | None]:
        """The dates as `split_by_date` takes them."""
        return {name: getattr(self, name) for name in ("train_from", "train_to", "val_from", "val_to")}


@dataclass(frozen=True)
class TrainResult:
    """What came of it; `model_version` is None where nothing was registered."""

    run_id: str
    model_version: int | None
    model_sha256: str
    system: str
    target: str
    feature_set: str
    build_id: int
    val_from: date
    val_to: date
    absent_features: list[str]
    evaluation: Evaluation
    fit_spent: dict[str, float]

    def figures(self) -> Iterator[tuple[str, Metric]]:
        """(name, mean absolute error): population by population, the system, each baseline, the line."""
        contenders = {self.system: self.evaluation.metrics, **self.evaluation.baselines, "line": self.evaluation.line}
        for population in as_table(self.evaluation.metrics):
            for name, metrics in contenders.items():
                yield from ((name, one) for one in metrics if (one.name, one.population) == ("mae", population))

    def to_json(self) -> dict[str, Any]:
        """Plain values; `metrics` and each of `baselines` are population -> {n, mae, ci95, mean_error, ...}."""
        return {
            "run_id": self.run_id,
            "model_version": self.model_version,
            "model_sha256": self.model_sha256,
            "system": self.system,
            "target": self.target,
            "feature_set": self.feature_set,
            "build_id": self.build_id,
            "val_from": self.val_from.isoformat(),
            "val_to": self.val_to.isoformat(),
            "absent_features": self.absent_features,
            "fit": self.fit_spent,
            "metrics": as_table(self.evaluation.metrics),
            "baselines": {name: as_table(metrics) for name, metrics in self.evaluation.baselines.items()},
            "line": as_table(self.evaluation.line),
            "tiers": as_table(self.evaluation.tiers),
            "chances": {
                "system": as_table(self.evaluation.chances),
                "line": as_table(self.evaluation.line_chances),
            },
            "n_unpredicted": {name: dict(counts) for name, counts in self.evaluation.n_unpredicted.items()},
        }


def train(
    engine: sa.Engine,
    home: Home,
    settings: Settings,
    request: TrainRequest,
    progress: Progress = lambda step: None,
    *,
    tags: Mapping[str, object] | None = None,
    parent_id: str | None = None,
) -> TrainResult:
    """Train, validate, log and (unless told otherwise) register one system.

    `tags` go to the run besides its own; `parent_id` is the run that it is nested in.
    Whatever fails before the version is registered leaves the run FAILED and nothing registered.
    Raises UsageError for an unknown system, feature set or population and for spans that cannot be, RefusedError for
    stale or sparse rows, UnavailableError where nothing is built or MLflow does not answer.
    """
    refuse_other_store(home)
    progress("reading the feature table")
    prepared = prepare(
        engine,
        settings,
        request.system,
        request.feature_set,
        request.population,
        request.dates,
        snapshots=home.snapshots,
    )
    with open_run(home, run_name(request.system, request.feature_set, prepared.split), parent_id=parent_id) as run:
        run.say(tags=tags)
        return train_prepared(engine, home, prepared, run, register_it=request.register, progress=progress)


def train_prepared(
    engine: sa.Engine, home: Home, prepared: Prepared, run: Run, *, register_it: bool, progress: Progress
) -> TrainResult:
    """What `prepared` settles: fitted, validated, logged in the open `run` and, if so wanted, registered.

    Raises what `train` does.
    """
    progress(f"fitting {prepared.system.name}")
    spent = _timed(lambda: fit(prepared))
    run.say(metrics={f"fit_{name}": value for name, value in spent.items()})
    progress("validating")
    residuals = learn_spread(prepared)
    predicted = predict_validation(prepared)
    evaluation = validate(prepared, residuals, predicted)
    metadata = describe_model(prepared, evaluation, residuals, predicted)
    progress("logging the run")
    introduce(run, prepared, metadata)
    kept = keep(prepared, metadata)
    run.say(tags={"model_sha256": kept.sha256})
    report(run, prepared, metadata, evaluation, residuals, predicted, model_id=kept.logged.model_id)
    version = None
    if register_it:
        progress("registering the version")
        version = register(engine, home, _new_version(run, prepared, evaluation, kept)).version
        run.say(tags={"model_version": version})
    return TrainResult(
        run_id=run.run_id,
        model_version=version,
        model_sha256=kept.sha256,
        system=prepared.system.name,
        target=prepared.dataset.target,
        feature_set=prepared.dataset.feature_set.name,
        build_id=prepared.dataset.build_id,
        val_from=prepared.split.validation.first,
        val_to=prepared.split.validation.last,
        absent_features=prepared.absent,
        evaluation=evaluation,
        fit_spent=spent,
    )


def _timed(work: Callable[[], None]) -> dict[str, float]:
    """seconds: on the clock; cpu_seconds: of this process's threads, which say more on a machine that others load."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - clock, "cpu_seconds": time.process_time() - cpu}


def _new_version(run: Run, prepared: Prepared, evaluation: Evaluation, kept: Kept) -> NewVersion:
    dataset, learned = prepared.dataset, prepared.learned_span
    return NewVersion(
        system=prepared.system.name,
        run_id=run.run_id,
        model_uri=kept.logged.model_uri,
        artifact_uri=kept.logged.artifact_uri,
        sha256=kept.sha256,
        feature_set=dataset.feature_set.name,
        feature_set_hash=dataset.feature_set.hash,
        build_id=dataset.build_id,
        target=dataset.target,
        train_from=learned.first if learned else None,
        train_to=learned.last if learned else None,
        metrics=[metric.to_json() for metric in _told(evaluation)],
    )


def _told(evaluation: Evaluation) -> Iterator[Metric]:
    """What a version says of itself; the prices' scores stand beside its own under names of theirs."""
    yield from (*evaluation.metrics, *evaluation.tiers, *evaluation.chances)
    yield from (replace(one, name=f"line_{one.name}") for one in evaluation.line_chances)
