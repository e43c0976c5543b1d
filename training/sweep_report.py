"""What the run of a sweep says of itself in the MLflow UI: the trials, how they went, and what moved the value."""

from __future__ import annotations

import csv
import io
import json

from training import plots
from training.description import describe
from training.runs import Run, end_if_open
from training.steps import Prepared
from training.study import Record, State
from training.sweep_worker import Plan
from training.train import TrainResult

SHOWN = 10
"""As many of the best trials stand in the description; all of them in trials.csv."""


def report(
    run: Run,
    plan: Plan,
    records: list[Record],
    best: Record,
    importance: dict[str, float],
    prepared: Prepared,
    trained: TrainResult | None,
) -> None:
    """Write all of it into the open run; runs of trials whose worker died are ended."""
    for record in records:
        if record.state in (State.ABANDONED, State.FAILED) and record.run_id:
            end_if_open(run, record.run_id, "FAILED")
    run.say(
        params=_params(plan),
        metrics=_metrics(records, best),
        tags={"kind": "sweep", "study": plan.study, "best_trial": best.number, "system": plan.system},
        description=_describe(plan, records, best, prepared, trained),
    )
    run.document([record.to_json() for record in records], "trials.json")
    run.text(_as_csv(records, list(plan.space.parameters)), "trials.csv")
    about = f"{plan.system}, {plan.feature_set}, {plan.population}, study {plan.study}, {len(records)} trials"
    points = [(record.number, record.value) for record in records if record.value is not None]
    ended = [record.number for record in records if record.state is State.PRUNED]
    run.figure(plots.sweep_history(points, ended, target=prepared.dataset.target, about=about), "sweep_history")
    if importance:
        run.figure(plots.hyperparameter_importance(importance, about=about), "hyperparameter_importance")


def _params(plan: Plan) -> dict[str, object]:
    """Under names that are no parameters of MLproject: `mlflow run` has logged those as given, and none may change."""
    training = plan.settings.training
    return {
        "study_name": plan.study,
        "sampler": training.sampler,
        "pruning": training.pruning,
        "n_trials_wanted": plan.n_trials,
        "n_threads_of_a_fit": plan.n_threads,
        "n_folds": training.sweep_folds,
        "folds_share": training.sweep_share,
    }


def _metrics(records: list[Record], best: Record) -> dict[str, float]:
    counts = {f"n_{state}": sum(record.state is state for record in records) for state in State}
    spent = {
        "seconds_of_trials": sum(record.seconds or 0.0 for record in records),
        "seconds_of_pruned": sum(record.seconds or 0.0 for record in records if record.state is State.PRUNED),
    }
    return counts | spent | {"best_value": best.value or 0.0}


def _describe(plan: Plan, records: list[Record], best: Record, prepared: Prepared, trained: TrainResult | None) -> str:
    """Markdown: the best trials, then, where this sweep refitted the winner, what validation says of it."""
    complete = sorted((one for one in records if one.value is not None), key=lambda one: one.value or 0.0)
    n_pruned = sum(one.state is State.PRUNED for one in records)
    names = list(plan.space.parameters)
    rows = [["trial", "MAE", *names], ["---"] * (len(names) + 2)]
    rows += [
        [str(one.number), f"{one.value:.4f}", *(_shown(one.params[name]) for name in names)] for one in complete[:SHOWN]
    ]
    lines = [
        f"Study **{plan.study}**: {len(records)} trials of **{plan.system}**, {n_pruned} pruned. A trial's value is "
        f"its mean MAE over {plan.settings.training.sweep_folds} walk-forward folds, which end on {plan.date_to}: no "
        "trial saw a row of the validation dates. All trials: trials.csv.",
        "",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]
    if trained is None:
        return "\n".join([*lines, f"Trial {best.number} was refitted and registered by another run of this study."])
    told = describe(prepared, trained.evaluation)
    return "\n".join([*lines, f"Trial {best.number}, refitted on all dates before validation:", "", told])


def _as_csv(records: list[Record], names: list[str]) -> str:
    """One row a trial, its parameters as columns."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "value", *names, "folds", "reached", "seconds", "retry_of", "run_id", "error"])
    for one in records:
        known = [one.params.get(name) for name in names]
        end = [json.dumps(one.folds), one.reached, one.seconds, one.retry_of, one.run_id, one.error]
        writer.writerow([one.number, one.state, one.value, *known, *end])
    return text.getvalue()


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
