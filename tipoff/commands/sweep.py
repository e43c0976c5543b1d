"""`tipoff sweep`: many trials of one system, pruned, by several processes; the best is registered."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from tipoff.output import Bar, emit, json_option, progress, say, table
from tipoff.parameters import COUNT, DATE, NAME

if TYPE_CHECKING:
    from training.sweep import SweepProgress, SweepResult

SHOWN = 5


@click.command()
@click.option("--system", default="xgboost", show_default=True, help="A way to predict that has a search space.")
@click.option("--trials", type=COUNT, help="As many trials shall the study have in all; default: 50.")
@click.option("--study", type=NAME, help="Join or resume this study; default: a new one.")
@click.option("--workers", type=COUNT, help="Processes that share the cores; default: 2.")
@click.option("--feature-set", type=NAME, help="A set of conf/feature_sets; default: training.feature_set.")
@click.option("--train-from", type=DATE, help="First date to learn from.")
@click.option("--train-to", type=DATE, help="Last date to learn from; trials know none after it.")
@click.option("--val-from", type=DATE, help="First validation date; default: the last 20 % of dates.")
@click.option("--val-to", type=DATE, help="Last validation date.")
@click.option("--population", type=NAME, help="played, early, rotation, lined; default: training.population.")
@click.option("--register/--no-register", default=True, show_default=True, help="Register the best as a version.")
@json_option
def sweep(
    system: str,
    trials: int | None,
    study: str | None,
    workers: int | None,
    feature_set: str | None,
    train_from: date | None,
    train_to: date | None,
    val_from: date | None,
    val_to: date | None,
    population: str | None,
    register: bool,
    as_json: bool,
) -> None:
    """Try parameters of one system, each judged on walk-forward folds before validation; refit and register the best.

    Any number of these may run with one --study, here or, with TIPOFF_STUDY_URL, on other machines; a killed one is
    resumed by the same command. `mlflow run . -e sweep -P system=xgboost` is the same.
    """
    from training.search_space import load_space

    load_space(system)  # a wrong name is said before MLflow's seconds of import
    from tipoff.wiring import wire
    from training.sweep import SweepRequest
    from training.sweep import sweep as run_sweep
    from training.train import TrainRequest

    wiring = wire()
    training = TrainRequest(
        system=system,
        feature_set=feature_set or wiring.settings.training.feature_set,
        train_from=train_from,
        train_to=train_to,
        val_from=val_from,
        val_to=val_to,
        population=population or wiring.settings.training.population,
        register=register,
    )
    request = SweepRequest(training, n_trials=trials or 50, n_workers=workers or 2, study=study)
    with progress(f"Sweeping {system}", "trials") as bar:
        result = run_sweep(
            wiring.engine, wiring.home, wiring.settings, request, lambda so_far: _move(bar, so_far), bar.now
        )
    if not as_json:
        _show(result)
    emit(result.to_json(), as_json=as_json)


def _move(bar: Bar, so_far: SweepProgress) -> None:
    best = "no best yet" if so_far.best is None else f"best {so_far.best:.4f}"
    bar.now(f"{best}, {so_far.n_pruned} pruned")
    bar(so_far.n_done, so_far.n_trials)


def _show(result: SweepResult) -> None:
    said = result.to_json()
    complete = sorted((one for one in result.records if one.value is not None), key=lambda one: one.value or 0.0)
    names = list(result.winner.params)
    rows = [(one.number, one.value, *(one.params[name] for name in names)) for one in complete[:SHOWN]]
    title = f"Study {result.study}: the best of {said['trials']} trials, mean MAE over walk-forward folds"
    table(title, ("trial", "MAE", *names), rows)
    counts = ", ".join(f"{said[name]} {name}" for name in ("pruned", "failed", "abandoned") if said[name])
    say(f"{counts or 'None pruned'}; {said['seconds']:.1f} s")
    for population, row in result.validation.items():
        ends = f" ({row['ci95'][0]:.3f}..{row['ci95'][1]:.3f})" if row["ci95"] else ""
        say(
            f"Validation {row['date_from']}..{row['date_to']}, {population}: MAE {row['mae']:.3f}{ends}, N {row['n']:,}"
        )
    by_another = "" if result.trained else " by another run of this study"
    version = f"version {result.model_version}{by_another}" if result.model_version else "not registered"
    say(f"Run {result.run_id}, {version}")
