"""The steps of a backtest: set out, walk fold by fold, hold what was predicted against what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import sqlalchemy as sa

from contracts.metrics import Floats
from contracts.populations import population as population_rows
from contracts.settings import GateSettings, Settings, TrainingSettings
from features.feature_sets import load_feature_set
from systems.base import System
from systems.catalog import create_system
from systems.residuals import MIN_ROWS, Residuals, fit_residuals
from systems.versions import library_versions
from training.dataset import Dataset, load_dataset
from training.evaluation import Evaluation, Scored, as_table, evaluate, joined, line_of, predicted_by_all, score
from training.kept_folds import KeptFolds, Predicted, code_sha256
from training.seasons import choose_season, read_seasons
from training.splits import Mask, Span, Split
from training.steps import Prepared, before_validation, fit, score_baselines, settle_columns
from training.walk_forward import Retrain, refuse_in_sample, walk_forward
from training.yardsticks import line_after

Progress = Callable[[int, int], None]
"""Folds done, folds in all."""


@dataclass(frozen=True)
class BacktestRequest:
    """What to test: a system trained on `population`, on the season that began in `test_season`."""

    system: str
    feature_set: str
    population: str
    test_season: int
    retrain: Retrain = Retrain.NONE
    log: bool = True


@dataclass(frozen=True)
class Course:
    """Everything that is settled before the first fold.

    `dataset` ends with the season's last date; `system` stays unfitted and says what each fold's system is made of.
    """

    request: BacktestRequest
    settings: TrainingSettings
    system: System
    dataset: Dataset
    season: Span
    splits: list[Split]

    @property
    def identity(self) -> dict[str, Any]:
        """All that its predictions depend on, plain values: equal ones are made of equal folds, to the bit."""
        return {
            "system": self.system.name,
            "hyperparameters": self.system.hyperparameters,
            "device": self.system.device,
            "seed": self.settings.seed,
            "target": self.dataset.target,
            "dataset_sha256": self.dataset.sha256,
            "folds": [f"{split.train} {split.tune} {split.validation}" for split in self.splits],
            "libraries": library_versions(self.system.libraries),
            "code": code_sha256(),
        }

    @property
    def tested(self) -> Mask:
        """Every row of the season, of whatever population, (n,)."""
        return self.splits[0].mask(self.dataset.dates, self.season)


@dataclass(frozen=True)
class Fold:
    """One training of the walk and the dates it predicted; `n_train` and `n_tune` are the rows that were learned from,
    `n_test` those of the population.

    `best_rounds` is where early stopping ended, None for a system without rounds; one that fits nothing learns from
    0 rows. `absent_features` had no value in the rows learned from.
    """

    split: Split
    n_train: int
    n_tune: int
    n_test: int
    best_rounds: int | None
    absent_features: list[str]

    def to_json(self) -> dict[str, Any]:
        """Plain values; spans are inclusive, and the test begins after all that was learned from."""
        blocks = {"train": self.split.train, "tune": self.split.tune, "test": self.split.validation}
        spans: dict[str, Any] = {}
        for name, block in blocks.items():
            spans |= {f"{name}_from": block.first.isoformat(), f"{name}_to": block.last.isoformat()}
        counts = {"n_train": self.n_train, "n_tune": self.n_tune, "n_test": self.n_test}
        return spans | counts | {"best_rounds": self.best_rounds, "absent_features": self.absent_features}


@dataclass(frozen=True)
class Walk:
    """The whole season predicted: for the rows of `frame` (a Dataset's) the system's and each baseline's predictions.

    Every prediction of a row was made from dates before the first date of its fold.
    """

    frame: pl.DataFrame
    scored: Scored
    baselines: Mapping[str, Scored]
    line: Scored
    folds: list[Fold]

    @property
    def compared(self) -> Mask:
        """The rows that the system and every baseline could predict, (n,): figures are about those."""
        return predicted_by_all({"system": self.scored.point} | self.points)

    @property
    def points(self) -> dict[str, Floats]:
        """What each baseline predicted, by name."""
        return {name: one.point for name, one in self.baselines.items()}


def set_out(engine: sa.Engine, settings: Settings, request: BacktestRequest, snapshots: Path | None = None) -> Course:
    """The rows up to the season's end, and the folds; nothing is fitted yet.

    Raises what `backtest` does.
    """
    system = create_system(request.system, device=settings.training.device)
    feature_set = load_feature_set(request.feature_set)
    season = choose_season(read_seasons(engine, feature_set), request.test_season)
    dataset = load_dataset(
        engine, feature_set, settings, population=request.population, date_to=season.last, snapshots=snapshots
    )
    splits = walk_forward(
        dataset.dates,
        dataset.in_population,
        season,
        retrain=request.retrain,
        tune_share=settings.training.tune_share,
        embargo_days=settings.training.embargo_days,
        window_days=settings.training.window_days,
    )
    return Course(request, settings.training, system, dataset, season, splits)


def walk(course: Course, kept: KeptFolds, progress: Progress = lambda done, total: None) -> Walk:
    """Every row of the season predicted, fold by fold; those that are `kept` are not fitted again.

    Raises RefusedError for sparse columns, and for a fold that would learn from what it tests.
    """
    dataset, folds = course.dataset, []
    scored: list[Scored] = []
    baselines: list[dict[str, Scored]] = []
    lines: list[Scored] = []
    progress(0, len(course.splits))
    for number, split in enumerate(course.splits):
        prepared = _prepare(course, split)
        rows = prepared.validation
        said = kept.find(number, int(rows.sum())) or _predict(prepared)
        kept.keep(number, said)
        line = line_of(dataset.frame.filter(rows))
        scored.append(score(said.point, said.residuals, line) if said.residuals else Scored(said.point))
        baselines.append(score_baselines(prepared))
        lines.append(line_after(dataset, prepared.learned, rows))
        folds.append(_describe(prepared, said))
        progress(len(folds), len(course.splits))
    # rows are in order of date and folds are spans of dates, so that folds one after the other are the season
    names = baselines[0]
    return Walk(
        frame=dataset.frame.filter(course.tested),
        scored=joined(scored),
        baselines={name: joined([fold[name] for fold in baselines]) for name in names},
        line=joined(lines),
        folds=folds,
    )


def judge(course: Course, walked: Walk) -> Evaluation:
    """The figures of the season, with the baselines' and the line's on the same rows."""
    dataset = course.dataset
    return evaluate(
        walked.frame,
        walked.scored,
        baselines=walked.baselines,
        line=walked.line,
        target=dataset.target,
        build_id=dataset.build_id,
    )


def tabulate(walked: Walk, evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """Plain values: population -> {n, dates, date_from, date_to, mae, ci95, ..., baselines: {name: mae}, line_mae?}.

    `dates` is how many different dates the `n` rows have.
    """
    baselines = {name: as_table(metrics) for name, metrics in evaluation.baselines.items()}
    line = as_table(evaluation.line)
    compared = walked.frame.filter(pl.Series(walked.compared))
    table = {}
    for population, figures in as_table(evaluation.metrics).items():
        row: dict[str, Any] = {
            "n": figures["n"],
            "dates": compared.filter(population_rows(population))["game_date"].n_unique(),
        }
        row |= figures | {"baselines": {name: rows[population]["mae"] for name, rows in baselines.items()}}
        row |= {"baselines_crps": {name: rows[population]["crps"] for name, rows in baselines.items()}}
        table[population] = row | ({"line_mae": line[population]["mae"]} if population in line else {})
    return table


def alarms(table: Mapping[str, Mapping[str, Any]], limits: GateSettings) -> list[str]:
    """A sentence where the system is further under the line than an honest one can be; empty otherwise."""
    lined = table.get("lined", {})
    if "line_mae" not in lined or lined["n"] < limits.min_lined_rows:
        return []
    under = lined["line_mae"] - lined["mae"]
    if under <= limits.too_good:
        return []
    return [
        f"MAE {lined['mae']:.3f} is {under:.3f} under the line's on the same {lined['n']:,} rows; more than "
        f"{limits.too_good:g} is a leak until proven otherwise: `tipoff features verify`."
    ]


def _prepare(course: Course, split: Split) -> Prepared:
    """A system of the fold's own, and the columns it gets; nothing that it learns from lies in the test."""
    dataset, request = course.dataset, course.request
    system = create_system(request.system, device=course.settings.device)
    prepared = settle_columns(dataset, split, system, course.settings)
    learned = split.mask(dataset.dates, split.train, split.tune)
    refuse_in_sample(dataset.dates[learned], dataset.dates[prepared.validation])
    return prepared


def _predict(prepared: Prepared) -> Predicted:
    fit(prepared)
    matrix = prepared.dataset.matrix(prepared.features)[prepared.validation]
    curve = prepared.system.learning_curve
    rounds = int(np.argmin(curve)) + 1 if curve else None
    return Predicted(prepared.system.predict(matrix), _spread(prepared), rounds)


def _spread(prepared: Prepared) -> Residuals | None:
    """None for a system that fits nothing and could predict too few rows before: a line, before lines were recorded."""
    actual, predicted = before_validation(prepared)
    if not prepared.system.learns and np.isfinite(predicted).sum() < MIN_ROWS:
        return None
    return fit_residuals(actual, predicted)


def _describe(prepared: Prepared, said: Predicted) -> Fold:
    split, learns = prepared.split, prepared.system.learns
    return Fold(
        split=split,
        n_train=int(prepared.learnable(split.train).sum()) if learns else 0,
        n_tune=int(prepared.learnable(split.tune).sum()) if learns else 0,
        n_test=int(prepared.block(split.validation).sum()),
        best_rounds=said.best_rounds,
        absent_features=prepared.absent,
    )
