"""`tipoff evaluate`: a version, or a run's model, held to dates that it has not seen."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from contracts.errors import UsageError
from tipoff.output import emit, json_option, say, table, working
from tipoff.parameters import DATE, NAME, VERSION

if TYPE_CHECKING:
    from training.unseen_run import EvaluateResult


@click.command()
@click.option("--version", type=VERSION, help="The version; default: the newest.")
@click.option("--run", "run_id", type=NAME, help="The model of this run instead, registered or not.")
@click.option("--from", "date_from", type=DATE, help="First date; default: the first that it has not seen.")
@click.option("--to", "date_to", type=DATE, help="Last date; default: the last with results.")
@click.option("--population", type=NAME, help="played, early, rotation or lined alone; default: all of them.")
@json_option
def evaluate(
    version: int | None,
    run_id: str | None,
    date_from: date | None,
    date_to: date | None,
    population: str | None,
    as_json: bool,
) -> None:
    """Hold a version to dates that it has not seen, beside the averages and the line on the same rows.

    Dates that it learned from are refused, each look at a season is counted, and the figures are a run of MLflow's.
    `mlflow run . -e evaluate --env-manager local -P version=2` is the same.
    """
    if version is not None and run_id is not None:
        raise UsageError(f"--version {version} and --run {run_id} are two models.", remedy="Name one of them.")
    from registry.versions import newest_version
    from tipoff.wiring import wire
    from training.unseen_run import EvaluateRequest, evaluate_model

    wiring = wire()
    if version is None and run_id is None:
        version = newest_version(wiring.engine).version
    request = EvaluateRequest(version, run_id, date_from, date_to, population)
    with working("Evaluating") as now:
        result = evaluate_model(wiring.engine, wiring.home, wiring.settings, request, now)
    if not as_json:
        _show(result)
    emit(result.to_json(), as_json=as_json)


def _show(result: EvaluateResult) -> None:
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
    target = result.subject.model.metadata.target
    table(
        f"{result.subject.title} on {result.held.span}: MAE of {target}",
        ("", "population", "MAE", "95 % interval", "N"),
        rows,
    )
    if result.held.n_left_out:
        say(f"{result.held.n_left_out:,} rows before {result.held.span.first} were learned from: left out.")
    for alarm in result.alarms:
        say(f"[bold red]Too good:[/] {alarm}")
    say("; ".join(f"Look {n} at {season}" for season, n in result.looks.items()) + ".")
    say(f"Run {result.run_id}")
