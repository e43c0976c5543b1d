"""`tipoff backtest`: a past season walked forward, and how often anybody looked at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from tipoff.output import emit, json_option, progress, say, table
from tipoff.parameters import NAME, SEASON

if TYPE_CHECKING:
    from training.backtest import BacktestResult


@click.command()
@click.option("--system", default="xgboost", show_default=True, help="A way to predict.")
@click.option("--feature-set", type=NAME, help="A set of conf/feature_sets; default: training.feature_set.")
@click.option("--test-season", type=SEASON, required=True, help="The season to predict, as 2023-24.")
@click.option(
    "--retrain",
    type=click.Choice(["none", "monthly"]),
    default="none",
    show_default=True,
    help="Trained once before the season, or again before each calendar month.",
)
@click.option("--population", type=NAME, help="The rows to learn from; default: training.population.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Of the fitting; default: training.seed.")
@click.option("--log/--no-log", default=True, show_default=True, help="Log an MLflow run. A look is kept either way.")
@json_option
def backtest(
    system: str,
    feature_set: str | None,
    test_season: int,
    retrain: str,
    population: str | None,
    seed: int | None,
    log: bool,
    as_json: bool,
) -> None:
    """Predict a past season, each date from what was known before it, and hold it against the averages and the line.

    Every look at a test season is kept and counted. `mlflow run . -e backtest -P test_season=2023-24` is the same.
    """
    from systems.catalog import system_class
    from tipoff.wiring import wire

    system_class(system)  # a wrong name is said before MLflow's seconds of import
    from training.backtest import backtest as run_backtest
    from training.backtest_steps import BacktestRequest
    from training.walk_forward import Retrain

    wiring = wire()
    training = wiring.settings.training.model_copy(update={} if seed is None else {"seed": seed})
    settings = wiring.settings.model_copy(update={"training": training})
    request = BacktestRequest(
        system=system,
        feature_set=feature_set or training.feature_set,
        population=population or training.population,
        test_season=test_season,
        retrain=Retrain(retrain),
        log=log,
    )
    with progress(f"Walking {system} forward", "folds") as report:
        result = run_backtest(wiring.engine, wiring.home, settings, request, report)
    said = result.to_json()
    if not as_json:
        _show(result, said)
    emit(said, as_json=as_json)


def _show(result: BacktestResult, said: dict[str, Any]) -> None:
    title = f"Backtest of {said['test_season']} ({said['test_from']}..{said['test_to']}): MAE of {said['target']}"
    columns = (
        "",
        "population",
        "MAE",
        "95 % interval",
        "mean error",
        "results above",
        "in 80 % interval",
        "N",
        "dates",
    )
    table(title, columns, _rows(result))
    for population, counts in said["n_unpredicted"].items():
        missed = [f"{n:,} by {said['system'] if name == 'system' else name}" for name, n in counts.items() if n]
        if missed:
            say(f"Left out of {population}, not predicted: {', '.join(missed)}")
    say(_folds(said))
    if said["n_resumed"]:
        say(f"{said['n_resumed']} of its {len(said['folds'])} folds had been done when it was broken off.")
    if said["accepts_closing_game_lines"]:
        say("uses closing game lines: known at tip-off, not before")
    for alarm in said["alarms"]:
        say(f"[bold red]Too good:[/] {alarm}")
    say(_looks(said))
    if said["run_id"]:
        say(f"Run {said['run_id']}")


def _rows(result: BacktestResult) -> Iterator[tuple[Any, ...]]:
    """Population by population: the system, each baseline, the line."""
    from training.evaluation import as_table

    evaluation, system = result.evaluation, result.course.system.name
    contenders = {system: evaluation.metrics, **evaluation.baselines, "line": evaluation.line}
    tables = [(name, as_table(metrics)) for name, metrics in contenders.items()]
    for population, row in result.populations.items():
        for name, rows in tables:
            if (one := rows.get(population)) is not None:
                ends = f"{one['ci95'][0]:.3f}..{one['ci95'][1]:.3f}" if one["ci95"] else None
                shares = (one["mean_error"], one["share_above"], one.get("interval_80_coverage"))
                yield name, population, one["mae"], ends, *shares, one["n"], row["dates"]


def _folds(said: dict[str, Any]) -> str:
    folds = said["folds"]
    first, last = folds[0], folds[-1]
    rounds = [fold["best_rounds"] for fold in folds if fold["best_rounds"] is not None]
    learned = f"{first['train_from']}..{first['tune_to']} ({first['n_train'] + first['n_tune']:,} rows)"
    if len(folds) > 1:
        learned = f"{learned} to {last['train_from']}..{last['tune_to']} ({last['n_train'] + last['n_tune']:,} rows)"
    trained = "Trained once on" if len(folds) == 1 else f"Trained {len(folds)} times, on"
    ended = f", {min(rounds)} to {max(rounds)} rounds" if len(rounds) > 1 else f", {rounds[0]} rounds" if rounds else ""
    return f"{trained} {said['population']} {learned}{ended}; {said['seconds']:.1f} s"


def _looks(said: dict[str, Any]) -> str:
    best, season = said["best_before"], said["test_season"]
    if said["looks"] == 1:
        return f"Look 1 at {season}. Every further one makes its figures a little less of a test."
    seen = ""
    if best is not None:
        seen = (
            f" The best before: {best['population']} {best['mae']:.3f} by {best['system']} on {best['feature_set']}, "
            f"{best['looked_at'][:10]}."
        )
    return (
        f"[bold]Look {said['looks']} at {season}.[/]{seen} Who picks the best of many looks has tuned on the season: "
        "choose on other seasons, report on this one."
    )
