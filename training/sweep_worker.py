"""A worker of a sweep: in a process of its own or in the sweep's, it claims trials, judges them and tells of them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from contracts.database import open_database
from contracts.errors import TipoffError
from contracts.home import Home
from contracts.settings import Settings
from features.feature_sets import load_feature_set
from systems.base import System
from systems.catalog import create_system
from training.dataset import Dataset, load_dataset
from training.folds import Fold, cut_folds, lay_out
from training.runs import Run, start_nested
from training.search_space import SearchSpace
from training.study import State, Study, TakenOver, Trial, open_study
from training.study_store import open_store
from training.trials import Hopeless, Judged, judge


@dataclass(frozen=True)
class Plan:
    """All that a worker needs to know; it travels to other processes.

    Trials know the rows from `date_from` (None: all) to `date_to`, which lies before the validation block. `n_threads`
    is how many a fit takes; `parent_id` the run that trials are nested in; `conductor` the process whose end ends the
    worker, None where it works in that process itself.
    """

    home: Home
    settings: Settings
    study: str
    system: str
    feature_set: str
    population: str
    space: SearchSpace
    date_from: date | None
    date_to: date
    n_trials: int
    n_threads: int
    parent_id: str
    conductor: int | None = None


def learned_rows(engine: sa.Engine, plan: Plan) -> Dataset:
    """The rows that trials may know: none of the validation block is among them.

    Raises what `load_dataset` does.
    """
    return load_dataset(
        engine,
        load_feature_set(plan.feature_set),
        plan.settings,
        population=plan.population,
        date_from=plan.date_from,
        date_to=plan.date_to,
    )


def join(plan: Plan, dataset: Dataset) -> Study:
    """The study of the plan, made if it is not there.

    Raises RefusedError where the study is about other rows, folds or parameters, UsageError for too few dates.
    """
    training = plan.settings.training
    about = {
        "system": plan.system,
        "feature_set": f"{dataset.feature_set.name} ({dataset.feature_set.hash[:12]})",
        "feature_set_hash": dataset.feature_set.hash,
        "target": dataset.target,
        "population": dataset.population,
        "learned_rows": dataset.learned_populations(_make(plan, {})),
        "folds": [f"{split.train} {split.tune} {split.validation}" for split in cut_folds(dataset, training)],
        "dataset_sha256": dataset.sha256,
        "search_space": plan.space.model_dump(mode="json"),
        "fixed": {
            name: value
            for name, value in _make(plan, {}).hyperparameters.items()
            if name not in plan.space.parameters and name != plan.space.threads
        },
        "seed": training.seed,
    }
    return open_study(
        open_store(plan.home, plan.study, training.study_heartbeat_seconds),
        plan.study,
        about,
        plan.space,
        first=plan.space.known(_make(plan, {}).hyperparameters),
        sampler=training.sampler,
        pruning=training.pruning,
        seed=training.seed,
    )


def start(plan: Plan) -> None:
    """Work until nothing is left to do: the whole life of a worker's process.

    Raises what `work` does.
    """
    warnings.filterwarnings("ignore", message=".*noload.*")  # MLflow's own store says it of itself
    engine = open_database(plan.home.database_url)
    dataset = learned_rows(engine, plan)
    engine.dispose()
    work(plan, dataset, join(plan, dataset))


def work(plan: Plan, dataset: Dataset, study: Study, told: Callable[[], None] = lambda: None) -> None:
    """Claim and judge trials until there are as many as the plan wants; `told` is called after each.

    A trial that fails by itself is kept as failed, and TipoffError says what it raised.
    """
    training = plan.settings.training
    folds = lay_out(dataset, cut_folds(dataset, training), _make(plan, {}))
    while (plan.conductor in (None, os.getppid())) and (trial := study.next_trial(plan.n_trials)) is not None:
        _try(plan, study, trial, folds, dataset.target)
        told()


@dataclass(frozen=True)
class _End:
    """How a trial's run ends: a state of the study, a status of MLflow's, and a word for the run's name."""

    state: State
    status: str
    word: str
    judged: Judged | None = None


def _try(plan: Plan, study: Study, trial: Trial, folds: list[Fold], target: str) -> None:
    """One trial, in the study and as a run of its own under the sweep's."""
    run = start_nested(plan.home, plan.parent_id, f"trial {trial.number}")
    run.say(params=trial.params, tags={"study": plan.study, "trial": trial.number, "system": plan.system})
    try:
        trial.note(run_id=run.run_id)
        end = _judge(plan, study, trial, folds, target)
    except TakenOver:
        end = _End(State.ABANDONED, "FAILED", "taken over by another worker")
    except KeyboardInterrupt:
        study.give_back(trial)
        _close(run, trial, _End(State.ABANDONED, "FAILED", "interrupted"))
        raise
    except Exception as error:
        study.fail(trial, f"{type(error).__name__}: {error}")
        _close(run, trial, _End(State.FAILED, "FAILED", type(error).__name__))
        raise TipoffError(
            f"Trial {trial.number} of study {plan.study!r} failed: {type(error).__name__}: {error}",
            remedy=f"The same command with `--study {plan.study}` goes on with the others.",
        ) from error
    _close(run, trial, end)


def _judge(plan: Plan, study: Study, trial: Trial, folds: list[Fold], target: str) -> _End:
    """The trial judged, and the study told."""
    try:
        judged = judge(
            lambda: _make(plan, trial.params),
            folds,
            target=target,
            seed=plan.settings.training.seed,
            is_hopeless=trial.is_hopeless,
        )
    except Hopeless as where:
        study.prune(trial)
        return _End(State.PRUNED, "KILLED", f"pruned {where}")
    trial.note(folds=judged.folds)
    study.complete(trial, judged.value)
    return _End(State.COMPLETE, "FINISHED", f"{judged.value:.4f}", judged)


def _close(run: Run, trial: Trial, end: _End) -> None:
    run.say(tags={"trial_state": end.state, "trial_end": end.word})
    if end.judged is not None:
        folds = {f"fold_{number}_mae": value for number, value in enumerate(end.judged.folds, start=1)}
        run.say(metrics={"mae": end.judged.value, "n_rows": sum(end.judged.n_rows)} | folds)
    run.end(end.status, f"trial {trial.number}: {end.word}")


def _make(plan: Plan, params: dict[str, Any]) -> System:
    """The system with `params` over those of its conf entry, fitting with the plan's threads."""
    threads = {plan.space.threads: plan.n_threads} if plan.space.threads else {}
    return create_system(plan.system, parameters=params | threads, device=plan.settings.training.device)
