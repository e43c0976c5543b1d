"""A backtest: a past season predicted as it went on, each date from what was known before it, and held to results."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from contracts.clock import season_name
from contracts.home import Home
from contracts.settings import Settings
from training.backtest_report import report, run_name
from training.backtest_steps import (
    BacktestRequest,
    Course,
    Fold,
    Progress,
    Walk,
    alarms,
    judge,
    set_out,
    tabulate,
    walk,
)
from training.evaluation import Evaluation, as_table
from training.kept_folds import open_kept_folds
from training.looks import KeptLook, Look, best_of, keep_look
from training.runs import open_run, refuse_other_store


@dataclass(frozen=True)
class BacktestResult:
    """What was seen, and how often anybody looked before: `earlier` are the looks at the same season, oldest first;
    `n_resumed` how many of the folds one that was broken off had done.

    `populations` is population -> {n, dates, mae, ci95, ..., baselines: {name: mae}}, with line_mae for lined rows.
    """

    course: Course
    walked: Walk
    evaluation: Evaluation
    populations: dict[str, dict[str, Any]]
    alarms: list[str]
    earlier: list[KeptLook]
    run_id: str | None
    seconds: float
    n_resumed: int

    @property
    def folds(self) -> list[Fold]:
        """The trainings, in order of time."""
        return self.walked.folds

    @property
    def looks(self) -> int:
        """How often this season was looked at, this time included."""
        return len(self.earlier) + 1

    @property
    def best_before(self) -> dict[str, Any] | None:
        """The earlier look at these dates with the lowest error on the first population reported on, or None."""
        population = next(iter(self.populations), "")
        row = self.populations.get(population, {})
        span = (row["date_from"], row["date_to"]) if row else None
        best = best_of(self.earlier, self.course.dataset.target, population, span)
        if best is None:
            return None
        seen = {"population": population, "mae": best.look.mae(population)}
        made_by = {name: getattr(best.look, name) for name in ("system", "feature_set", "retrain")}
        return seen | made_by | {"looked_at": best.looked_at.isoformat()}

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        course, dataset = self.course, self.course.dataset
        return {
            "looks": self.looks,
            "best_before": self.best_before,
            "populations": self.populations,
            "tiers": as_table(self.evaluation.tiers),
            "chances": {
                "system": as_table(self.evaluation.chances),
                "line": as_table(self.evaluation.line_chances),
            },
            "n_unpredicted": {name: dict(counts) for name, counts in self.evaluation.n_unpredicted.items()},
            "alarms": self.alarms,
            "seconds": round(self.seconds, 3),
            "system": course.request.system,
            "hyperparameters": course.system.hyperparameters,
            "seed": course.settings.seed,
            "population": dataset.population,
            "retrain": course.request.retrain.value,
            "embargo_days": course.settings.embargo_days,
            "test_season": season_name(course.request.test_season),
            "test_from": course.season.first.isoformat(),
            "test_to": course.season.last.isoformat(),
            "target": dataset.target,
            "feature_set": dataset.feature_set.name,
            "feature_set_hash": dataset.feature_set.hash,
            "accepts_closing_game_lines": dataset.feature_set.accept_closing_game_lines,
            "build_id": dataset.build_id,
            "dataset_sha256": dataset.sha256,
            "folds": [fold.to_json() for fold in self.folds],
            "n_resumed": self.n_resumed,
            "run_id": self.run_id,
        }


def backtest(
    engine: sa.Engine,
    home: Home,
    settings: Settings,
    request: BacktestRequest,
    progress: Progress = lambda done, total: None,
) -> BacktestResult:
    """Walk through the season, hold every prediction to its result, note the look, log the run.

    The look stands in the ledger before a figure leaves this function or reaches MLflow; a walk that is broken off
    has shown nothing and leaves none, and the same one again takes its folds and its run up.
    Raises UsageError for an unknown system, feature set, population or season and for a season with nothing before
    it, RefusedError for stale or sparse rows, UnavailableError where nothing is built or MLflow does not answer.
    """
    started = time.perf_counter()
    if request.log:
        refuse_other_store(home)
    course = set_out(engine, settings, request, home.snapshots)
    with open_kept_folds(home.backtests, course.identity) as kept:
        n_resumed = kept.n_done
        with open_run(home, run_name(request), resumes=kept.run_id) if request.log else nullcontext() as run:
            if run is not None:
                kept.keep_run(run.run_id)
            walked = walk(course, kept, progress)
            evaluation = judge(course, walked)
            table = tabulate(walked, evaluation)
            earlier = keep_look(engine, _look(course, table))
            if run is not None:
                report(run, course, walked, evaluation, n_looks=len(earlier) + 1)
        kept.forget()
    return BacktestResult(
        course=course,
        walked=walked,
        evaluation=evaluation,
        populations=table,
        alarms=alarms(table, settings.gate),
        earlier=earlier,
        run_id=run.run_id if run is not None else None,
        seconds=time.perf_counter() - started,
        n_resumed=n_resumed,
    )


def _look(course: Course, table: dict[str, dict[str, Any]]) -> Look:
    request, dataset = course.request, course.dataset
    return Look(
        test_season=request.test_season,
        system=request.system,
        hyperparameters=course.system.hyperparameters,
        feature_set=dataset.feature_set.name,
        feature_set_hash=dataset.feature_set.hash,
        build_id=dataset.build_id,
        dataset_sha256=dataset.sha256,
        target=dataset.target,
        retrain=request.retrain.value,
        populations=table,
    )
