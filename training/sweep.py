"""A sweep: many trials of one system before the validation block, the best one refitted, held to it and registered."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from contracts.clock import now
from contracts.errors import TipoffError, UsageError
from contracts.home import Home
from contracts.settings import Settings
from systems.catalog import create_system
from training.crew import work_together
from training.dataset import Dataset
from training.runs import Run, open_run, refuse_other_store
from training.search_space import load_space
from training.steps import Prepared, prepare
from training.study import Record, State, Study, best_of
from training.sweep_report import report
from training.sweep_worker import Plan, join, learned_rows, work
from training.train import TrainRequest, TrainResult, train_prepared


@dataclass(frozen=True)
class SweepRequest:
    """What to sweep: the training that is to be made best, how many trials the study shall have, by how many workers.

    `study` None: one of its own, with a name by the time.
    """

    training: TrainRequest
    n_trials: int
    n_workers: int = 1
    study: str | None = None


@dataclass(frozen=True)
class SweepProgress:
    """How far the study is, whoever works on it; `best` is the lowest value so far, None where none is complete."""

    n_done: int
    n_trials: int
    n_pruned: int
    best: float | None


@dataclass(frozen=True)
class SweepResult:
    """What came of it. `winner` is the best trial, `model_version` what it was registered as (None: not registered).

    `trained` is the winner's training where this sweep made it, None where another process of the study did.
    """

    run_id: str
    study: str
    system: str
    records: list[Record]
    winner: Record
    model_version: int | None
    validation: dict[str, Any]
    trained: TrainResult | None
    importance: dict[str, float]
    seconds: float

    def count(self, *states: State) -> int:
        """How many trials ended so."""
        return sum(record.state in states for record in self.records)

    def to_json(self) -> dict[str, Any]:
        """Plain values; `trials` counts those that ended complete, pruned or failed, retries once."""
        return {
            "run_id": self.run_id,
            "study": self.study,
            "system": self.system,
            "best_value": self.winner.value,
            "best_trial": self.winner.number,
            "best_params": self.winner.params,
            "trials": self.count(State.COMPLETE, State.PRUNED, State.FAILED),
            "pruned": self.count(State.PRUNED),
            "failed": self.count(State.FAILED),
            "abandoned": self.count(State.ABANDONED),
            "model_version": self.model_version,
            "metrics": self.validation,
            "importance": self.importance,
            "seconds": round(self.seconds, 3),
        }


def sweep(
    engine: sa.Engine,
    home: Home,
    settings: Settings,
    request: SweepRequest,
    progress: Callable[[SweepProgress], None] = lambda so_far: None,
    step: Callable[[str], None] = lambda name: None,
) -> SweepResult:
    """Work on the study until it has its trials, then refit, validate, log and register the best, once for all.

    Raises what `train` does, UsageError for a system without a search space or numbers below 1, RefusedError for a
    study of other rows, folds or parameters, and TipoffError where a trial fails: the rest goes on by another call.
    """
    started = now()
    refuse_other_store(home)
    _refuse_numbers(request)
    load_space(request.training.system)
    step("reading the feature table")
    training = request.training
    prepared = prepare(engine, settings, training.system, training.feature_set, training.population, training.dates)
    plan = _plan(home, settings, request, prepared)
    dataset = learned_rows(engine, plan)
    study = join(plan, dataset)
    with open_run(home, f"sweep of {training.system} on {training.feature_set}: study {plan.study}") as run:
        plan = replace(plan, parent_id=run.run_id)
        step("trying")
        _try_all(plan, request.n_workers, dataset, study, progress)
        step("refitting the best")
        best, kept, trained = _crown(engine, plan, request, prepared, study, run, step)
        importance = study.importance()
        records = study.records
        report(run, plan, records, best, importance, prepared, trained)
    study.store.close()
    return SweepResult(
        run_id=run.run_id,
        study=plan.study,
        system=training.system,
        records=records,
        winner=best,
        model_version=kept["model_version"],
        validation=kept["metrics"],
        trained=trained,
        importance=importance,
        seconds=(now() - started).total_seconds(),
    )


def _refuse_numbers(request: SweepRequest) -> None:
    faults = [
        f"{name} is {value}"
        for name, value in (("--trials", request.n_trials), ("--workers", request.n_workers))
        if value < 1
    ]
    if faults:
        raise UsageError(f"{', '.join(faults)}; at least 1 is needed.", remedy="`tipoff sweep --help` says more.")


def _plan(home: Home, settings: Settings, request: SweepRequest, prepared: Prepared) -> Plan:
    training = request.training
    cores = len(os.sched_getaffinity(0))
    return Plan(
        home=home,
        settings=settings,
        study=request.study or _study_name(training),
        system=training.system,
        feature_set=training.feature_set,
        population=training.population,
        space=load_space(training.system),
        date_from=training.train_from,
        date_to=prepared.split.tune.last,
        n_trials=request.n_trials,
        n_threads=max(1, cores // request.n_workers),
        parent_id="",
        conductor=os.getpid() if request.n_workers > 1 else None,
    )


def _study_name(training: TrainRequest) -> str:
    """'xgboost-v2_33features-20240301-120000'."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", f"{training.system}-{training.feature_set}-{now():%Y%m%d-%H%M%S}")


def _try_all(
    plan: Plan, n_workers: int, dataset: Dataset, study: Study, progress: Callable[[SweepProgress], None]
) -> None:
    """All trials of the study done, by this process alone or by processes of its own."""

    def look() -> None:
        progress(_so_far(study.records, plan.n_trials))

    look()
    if n_workers == 1:
        work(plan, dataset, study, look)
    else:
        work_together(plan, n_workers, look)


def _so_far(records: list[Record], n_trials: int) -> SweepProgress:
    done = [record for record in records if record.state in (State.COMPLETE, State.PRUNED, State.FAILED)]
    best = best_of(done)
    n_pruned = sum(record.state is State.PRUNED for record in done)
    return SweepProgress(len(done), max(n_trials, len(done)), n_pruned, best.value if best else None)


def _crown(
    engine: sa.Engine,
    plan: Plan,
    request: SweepRequest,
    prepared: Prepared,
    study: Study,
    run: Run,
    step: Callable[[str], None],
) -> tuple[Record, dict[str, Any], TrainResult | None]:
    """The best trial and what it was registered as: by this process, unless another of the study did before it."""
    with study.store.alone("winner"):
        best = best_of(study.records)
        if best is None:
            raise TipoffError(
                f"None of the {len(study.records)} trials of {plan.study!r} came to its end.",
                remedy="More --trials, or another search space in conf/search_spaces/.",
            )
        same = {"trial": best.number, "dataset_sha256": prepared.dataset.sha256, "validation": str(prepared.split)}
        kept = study.winner
        if (
            kept is not None
            and same.items() <= kept.items()
            and (kept["model_version"] or not request.training.register)
        ):
            return best, kept, None
        system = create_system(plan.system, parameters=best.params, device=plan.settings.training.device)
        trained = train_prepared(
            engine,
            plan.home,
            replace(prepared, system=system),
            run,
            register_it=request.training.register,
            progress=step,
        )
        kept = same | {"model_version": trained.model_version, "metrics": trained.to_json()["metrics"]}
        study.keep_winner(**kept)
        return best, kept, trained
