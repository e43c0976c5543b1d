"""`tipoff evaluate`: a registered version, or a run's model, on dates that it has not seen, as a run of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from contracts.clock import season_name
from contracts.home import Home
from contracts.metrics import Metric
from contracts.settings import Settings
from features.feature_sets import load_feature_set
from training.backtest_steps import alarms
from training.evaluation import Evaluation, as_table
from training.looks import Look, keep_look
from training.runs import open_run
from training.seasons import read_seasons
from training.unseen import Held, Subject, find_subject, hold
from training.unseen_report import report

Progress = Callable[[str], None]


@dataclass(frozen=True)
class EvaluateRequest:
    """What to judge: a version or a run (exactly one), on all dates it has not seen or on those from `date_from` on.

    `population` None: all that there are rows of.
    """

    version: int | None = None
    run_id: str | None = None
    date_from: date | None = None
    date_to: date | None = None
    population: str | None = None


@dataclass(frozen=True)
class EvaluateResult:
    """What was seen; `looks` says how often each season of the dates was looked at, this time included."""

    run_id: str
    subject: Subject
    held: Held
    evaluation: Evaluation
    looks: dict[str, int]
    alarms: list[str]

    def figures(self) -> Iterator[tuple[str, Metric]]:
        """(name, mean absolute error): population by population, the system, each baseline, the line."""
        seen = self.evaluation
        contenders = {self.subject.model.metadata.system: seen.metrics, **seen.baselines, "line": seen.line}
        for population in as_table(seen.metrics):
            for name, metrics in contenders.items():
                yield from ((name, one) for one in metrics if (one.name, one.population) == ("mae", population))

    def to_json(self) -> dict[str, Any]:
        """Plain values; `metrics` and each of `baselines` are population -> {n, mae, ci95, mean_error, ...}."""
        said, held, seen = self.subject.model.metadata, self.held, self.evaluation
        return {
            "run_id": self.run_id,
            "model_version": self.subject.version,
            "evaluated_run": self.subject.run.run_id,
            "model_sha256": self.subject.run.tags.get("model_sha256"),
            "system": said.system,
            "target": said.target,
            "feature_set": said.feature_set,
            "build_id": held.dataset.build_id,
            "date_from": held.span.first.isoformat(),
            "date_to": held.span.last.isoformat(),
            "left_out": held.n_left_out,
            "looks": self.looks,
            "alarms": self.alarms,
            "metrics": as_table(seen.metrics),
            "baselines": {name: as_table(metrics) for name, metrics in seen.baselines.items()},
            "line": as_table(seen.line),
            "tiers": as_table(seen.tiers),
            "chances": {"system": as_table(seen.chances), "line": as_table(seen.line_chances)},
            "n_unpredicted": {name: dict(counts) for name, counts in seen.n_unpredicted.items()},
        }


def evaluate_model(
    engine: sa.Engine,
    home: Home,
    settings: Settings,
    request: EvaluateRequest,
    progress: Progress = lambda step: None,
) -> EvaluateResult:
    """The model's figures on rows that it has not seen, beside the baselines' on the same rows, logged as a run.

    A look at each season of the dates stands in the ledger before a figure leaves this function or reaches MLflow.
    Raises UsageError for an unknown version, run or population and for dates without rows, RefusedError for dates that
    it learned from, for stale rows and for a model that does not prove itself, UnavailableError where nothing is built
    or MLflow does not answer.
    """
    progress("proving the model")
    with find_subject(engine, home, version=request.version, run_id=request.run_id) as subject:
        progress("predicting the rows it has not seen")
        held = hold(
            engine,
            settings,
            subject.model,
            date_from=request.date_from,
            date_to=request.date_to,
            snapshots=home.snapshots,
        )
        seen = held.evaluation.about(request.population)
        with open_run(home, f"evaluation of {subject.title}, {held.span}") as run:
            looks = _look(engine, subject, held)
            progress("logging the run")
            report(run, subject, held, seen, looks)
    table = as_table(seen.metrics)
    for population, row in as_table(seen.line).items():
        table[population]["line_mae"] = row["mae"]
    return EvaluateResult(run.run_id, subject, held, seen, looks, alarms(table, settings.gate))


def _look(engine: sa.Engine, subject: Subject, held: Held) -> dict[str, int]:
    """A look at every season of the dates; season -> how many there were, this one included."""
    said, dataset = subject.model.metadata, held.dataset
    looks = {}
    for season, dates in read_seasons(engine, load_feature_set(said.feature_set)).items():
        if dates.last < held.span.first or dates.first > held.span.last:
            continue
        look = Look(
            test_season=season,
            system=said.system,
            hyperparameters=said.hyperparameters,
            feature_set=said.feature_set,
            feature_set_hash=said.feature_set_hash,
            build_id=dataset.build_id,
            dataset_sha256=dataset.sha256,
            target=said.target,
            retrain="none",
            populations=as_table(held.evaluation.metrics),
        )
        looks[season_name(season)] = len(keep_look(engine, look)) + 1
    return looks
