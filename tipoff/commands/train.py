"""`tipoff train`: one system, trained, evaluated, logged and registered."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from tipoff.output import emit, json_option, say, table, working
from tipoff.parameters import DATE, NAME, YES_NO

if TYPE_CHECKING:
    from tipoff.wiring import Wiring
    from training.kept_runs import KeptRun
    from training.train import TrainRequest, TrainResult


@click.command()
@click.option("--system", default="xgboost", show_default=True, help="A way to predict.")
@click.option("--feature-set", type=NAME, help="A set of conf/feature_sets; default: training.feature_set.")
@click.option("--train-from", type=DATE, help="First date to learn from.")
@click.option("--train-to", type=DATE, help="Last date to learn from (its last tenth tunes).")
@click.option("--val-from", type=DATE, help="First validation date; default: the last 20 % of dates.")
@click.option("--val-to", type=DATE, help="Last validation date.")
@click.option("--population", type=NAME, help="played, early, rotation, lined; default: training.population.")
@click.option("--register/--no-register", default=True, show_default=True, help="Register the version.")
@click.option(
    "--again-when-complete",
    "again",
    is_flag=False,
    flag_value="yes",
    default="no",
    type=YES_NO,
    help="Train now, and again by itself when training.again_share of the feature table is built.",
)
@json_option
def train(
    system: str,
    feature_set: str | None,
    train_from: date | None,
    train_to: date | None,
    val_from: date | None,
    val_to: date | None,
    population: str | None,
    register: bool,
    again: bool,
    as_json: bool,
) -> None:
    """Train one system and hold it against the averages on the same validation rows.

    With --again-when-complete it waits for a backfill and trains once more on all of it; interrupted, the same command
    takes the waiting up again. `mlflow run . -e train --env-manager local -P system=xgboost` is the same.
    """
    from systems.catalog import system_class
    from tipoff.wiring import wire

    system_class(system)  # a wrong name is said before MLflow's seconds of import
    from training.train import TrainRequest
    from training.train import train as run_training

    wiring = wire()
    request = TrainRequest(
        system=system,
        feature_set=feature_set or wiring.settings.training.feature_set,
        train_from=train_from,
        train_to=train_to,
        val_from=val_from,
        val_to=val_to,
        population=population or wiring.settings.training.population,
        register=register,
    )
    if again:
        _train_twice(wiring, request, as_json)
        return
    with working(f"Training {system}") as now:
        result = run_training(wiring.engine, wiring.home, wiring.settings, request, now)
    if not as_json:
        _show(result)
    emit(result.to_json(), as_json=as_json)


def _train_twice(wiring: Wiring, request: TrainRequest, as_json: bool) -> None:
    from training.two_phases import train_in_two_phases

    with working(f"Training {request.system}") as now:
        made = train_in_two_phases(
            wiring.engine,
            wiring.home,
            wiring.settings,
            request,
            progress=now,
            first_done=_tell_first,
            waiting=lambda seen: now(f"{seen.share:.1%} is built, {seen.needed:.0%} is waited for; {seen.why}"),
        )
    if not as_json:
        _show(made.last)
        before = f"the second phase, after run {made.first.run_id}" if made.first else "the only phase"
        say(f"{made.share:.1%} of the feature table was built: {before}.")
    emit(made.to_json(), as_json=as_json)


def _tell_first(run: KeptRun) -> None:
    version = run.tags.get("model_version")
    say(f"First phase: run {run.run_id}, " + (f"version {version}." if version else "not registered."))
    say("Waiting for more of the feature table. Ctrl-C ends that; the same command takes it up again.")


def _show(result: TrainResult) -> None:
    rows = [
        (
            name,
            metric.population,
            metric.value,
            f"{metric.ci95[0]:.3f}..{metric.ci95[1]:.3f}" if metric.ci95 else None,
            metric.n,
        )
        for name, metric in result.figures()
    ]
    table(
        f"Validation {result.val_from}..{result.val_to}: MAE of {result.target}",
        ("", "population", "MAE", "95 % interval", "N"),
        rows,
    )
    say(f"Run {result.run_id}" + (f", version {result.model_version}" if result.model_version else ", not registered"))
    if result.absent_features:
        say(f"Absent, no value in the rows learned from: {', '.join(result.absent_features)}")
