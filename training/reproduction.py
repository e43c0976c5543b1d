"""`tipoff reproduce`: a run's training done again from what the run recorded, and what is not as it was then."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from contracts.errors import UsageError
from contracts.home import Home
from contracts.model_metadata import ModelMetadata
from contracts.settings import Settings
from features.feature_sets import load_feature_set
from features.table.rows import get_build
from systems.base import System
from systems.catalog import create_system
from systems.model import Model
from systems.versions import library_versions
from training.dataset import Dataset, load_dataset, prices_sha256
from training.kept_runs import KeptRun, model_of, read_run
from training.report import code_tags
from training.splits import Span, Split
from training.steps import (
    Prepared,
    describe_model,
    fit,
    learn_spread,
    predict_validation,
    settle_columns,
    validate,
)

TOLERANCE = 1e-9
"""Figures that differ by no more are the same: sums of floats may be taken in another order."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Change:
    """Something that is not as it was when the run was made; `used` says which of the two this training had."""

    what: str
    then: str
    now: str
    used: str = "now"


@dataclass(frozen=True)
class Reproduction:
    """How near the second training came. `n_figures` were compared; `max_difference` is None where none could be.

    `differences` are the figures further apart than TOLERANCE: name -> (then, now), now None where there is none.
    `model_equal` says whether the golden rows came out to the bit, None where nothing was trained.
    """

    run: KeptRun
    n_figures: int
    max_difference: float | None
    differences: Mapping[str, tuple[float, float | None]]
    model_equal: bool | None
    changed: list[Change]

    @property
    def metrics_equal(self) -> bool:
        """Whether there were figures to compare and every one of them is the same."""
        return self.n_figures > 0 and not self.differences

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "run_id": self.run.run_id,
            "metrics_equal": self.metrics_equal,
            "max_difference": self.max_difference,
            "figures": self.n_figures,
            "differences": {name: {"then": then, "now": now} for name, (then, now) in self.differences.items()},
            "model_equal": self.model_equal,
            "changed": [asdict(change) for change in self.changed],
        }


def reproduce(
    engine: sa.Engine,
    home: Home,
    settings: Settings,
    run_id: str,
    progress: Progress = lambda step: None,
) -> Reproduction:
    """Train again what the run `run_id` trained: the rows of its build, its dates, parameters and seed.

    What was built, corrected or set since is not looked at. Nothing is logged or registered. Where the rows or the
    definitions are gone nothing is trained, and `changed` says what is missing.
    Raises UsageError for an unknown run and one that is no training, RefusedError where its model does not prove
    itself, UnavailableError where its files are gone or MLflow does not answer.
    """
    progress("reading the run")
    run = read_run(home, run_id)
    with model_of(home, run) as model:
        said = model.metadata
        split = _split_of(run)
        changed = list(_surroundings(run, model))
        gone = list(_gone(engine, said, run))
        if gone:
            return Reproduction(run, 0, None, {}, None, [*changed, *gone])
        progress("reading its rows")
        prepared = _prepare(engine, home, settings, said, run, split)
        changed += _other_rows(run, said, prepared)
        progress(f"fitting {said.system}")
        fit(prepared)
        progress("validating")
        residuals = learn_spread(prepared)
        predicted = predict_validation(prepared)
        again = describe_model(prepared, validate(prepared, residuals, predicted), residuals, predicted)
    then, now = dict(flat(said.results)), dict(flat(again.results))
    apart = {name: abs(value - now[name]) if name in now else float("inf") for name, value in then.items()}
    return Reproduction(
        run=run,
        n_figures=len(then),
        max_difference=max((one for one in apart.values() if one != float("inf")), default=None),
        differences={name: (then[name], now.get(name)) for name, one in apart.items() if not one <= TOLERANCE},
        model_equal=_golden(said) == _golden(again),
        changed=changed,
    )


def flat(results: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, float]]:
    """Every number in `results`, nested mappings and lists, as ('metrics.played.mae', value)."""
    for key, value in results.items():
        path = f"{name}.{key}" if name else str(key)
        if isinstance(value, Mapping):
            yield from flat(value, path)
        elif isinstance(value, list):
            yield from flat({str(place): one for place, one in enumerate(value)}, path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield path, float(value)


def _split_of(run: KeptRun) -> Split:
    """The blocks that the run learned from and was validated on.

    Raises UsageError where it says none: it is no training.
    """
    try:
        return Split(*(_span(run.params[name]) for name in ("train", "tune", "validation")))
    except KeyError as error:
        raise UsageError(
            f"Run {run.run_id} ({run.name}) is no training: it says nothing of its {error.args[0]} dates.",
            remedy="Name the run of a training: `tipoff registry list --json` has the run of each version.",
        ) from None


def _span(text: str) -> Span:
    first, last = text.split("..")
    return Span(date.fromisoformat(first), date.fromisoformat(last))


def _surroundings(run: KeptRun, model: Model) -> Iterator[Change]:
    """What is another than then: libraries, code, cores, and settings, of which the run's own are used."""
    said = model.metadata
    now = library_versions(list(said.library_versions))
    for name, version in said.library_versions.items():
        if now.get(name) != version:
            yield Change(f"library {name}", version, now.get(name, "absent"))
    tags = {name: str(value) for name, value in code_tags({}).items()}
    if _code(run.tags) != _code(tags):
        yield Change("code", _code(run.tags), _code(tags))
    cores = str(os.cpu_count())
    if (then := run.tags.get("host_cores", cores)) != cores:  # trees' sums are taken in other pieces
        yield Change("host cores", then, cores)
    if "study" not in run.tags:
        yield from _conf(said)


def _code(tags: Mapping[str, str]) -> str:
    commit = tags.get("git_commit", "unknown")
    return f"{commit[:12]}, with changes of its own" if tags.get("git_dirty") == "true" else commit[:12]


def _conf(said: ModelMetadata) -> Iterator[Change]:
    try:
        now = create_system(said.system).hyperparameters
    except UsageError:
        return  # _gone says it
    for name, value in said.hyperparameters.items():
        if name in now and now[name] != value:
            yield Change(f"conf/systems/{said.system}.yaml, {name}", str(value), str(now[name]), used="then")


def _gone(engine: sa.Engine, said: ModelMetadata, run: KeptRun) -> Iterator[Change]:
    """What the training cannot be done without and is not there any more."""
    try:
        _create(said, run)
    except UsageError as error:
        yield Change("system", f"{said.system} on {run.params.get('device', 'cpu')}", error.message)
    try:
        feature_set = load_feature_set(said.feature_set)
    except UsageError as error:
        yield Change("feature set", said.feature_set, error.message)
        return
    if feature_set.hash != said.feature_set_hash:
        yield Change(f"definitions of {said.feature_set}", said.feature_set_hash[:12], feature_set.hash[:12])
        return
    try:
        get_build(engine, feature_set, said.build_id)
    except UsageError as error:
        yield Change("build", str(said.build_id), error.message)


def _create(said: ModelMetadata, run: KeptRun) -> System:
    made = create_system(said.system, parameters=said.hyperparameters, device=run.params.get("device", "cpu"))
    made.learns_besides = tuple(said.learns_besides)
    return made


def _prepare(
    engine: sa.Engine, home: Home, settings: Settings, said: ModelMetadata, run: KeptRun, split: Split
) -> Prepared:
    """The run's rows and columns; how sparse a column may be is no question a second time."""
    same = {"target": said.target, "seed": said.seed, "min_coverage": 0.0, "min_coverage_of": {}}
    settings = settings.model_copy(update={"training": settings.training.model_copy(update=same)})
    read = _span(run.tags["dataset_dates"]) if "dataset_dates" in run.tags else None
    dataset = load_dataset(
        engine,
        load_feature_set(said.feature_set),
        settings,
        population=said.population,
        date_from=read.first if read else None,
        date_to=read.last if read else None,
        build_id=said.build_id,
        snapshots=home.snapshots,
    )
    return settle_columns(dataset, split, _create(said, run), settings.training)


def _other_rows(run: KeptRun, said: ModelMetadata, prepared: Prepared) -> Iterator[Change]:
    """What the rows say otherwise than then."""
    dataset: Dataset = prepared.dataset
    if dataset.sha256 != said.dataset_sha256:
        yield Change("rows (SHA-256)", said.dataset_sha256[:12], dataset.sha256[:12])
    prices, kept = prices_sha256(dataset), run.tags.get("prices_sha256")
    if kept not in (None, prices):
        yield Change("the books' prices (SHA-256)", str(kept)[:12], prices[:12])
    if prepared.features != said.features:
        yield Change("columns", ", ".join(said.features), ", ".join(prepared.features))


def _golden(said: ModelMetadata) -> list[tuple[dict[str, float | None], float]]:
    return [(row.features, row.predicted) for row in said.golden_rows]
