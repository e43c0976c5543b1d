"""`tipoff reproduce`: a run's training, done again from what it recorded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tipoff.output import emit, json_option, say, table, working

if TYPE_CHECKING:
    from training.reproduction import Reproduction

SHOWN = 10


@click.command()
@click.argument("run_id")
@json_option
def reproduce(run_id: str, as_json: bool) -> None:
    """Train again from a run's recorded build, dates, parameters and seed: the same figures, or what changed.

    Exit code 1 where a figure differs by more than 1e-9, or where what it was made from is gone.
    """
    from tipoff.wiring import wire
    from training.reproduction import reproduce as run_again

    wiring = wire()
    with working(f"Reproducing {run_id}") as now:
        result = run_again(wiring.engine, wiring.home, wiring.settings, run_id, now)
    if not as_json:
        _show(result)
    emit(result.to_json(), as_json=as_json)
    if not result.metrics_equal:
        sys.exit(1)


def _show(result: Reproduction) -> None:
    if result.changed:
        rows = [(one.what, one.then, one.now, one.used) for one in result.changed]
        table("Not as it was", ("what", "then", "now", "used"), rows)
    if result.max_difference is None:
        say("[red]Not reproduced[/]: what it was made from is gone.")
        return
    bits = "to the bit" if result.model_equal else "not to the bit"
    if result.metrics_equal:
        reason = "" if result.changed else "; nothing changed since"
        say(
            f"[green]Reproduced[/]: all {result.n_figures} figures of {result.run.name}, the furthest apart by "
            f"{result.max_difference:.1e}; golden rows {bits}{reason}."
        )
        return
    shown = list(result.differences.items())
    table("Figures that differ", ("figure", "then", "now"), [(name, *pair) for name, pair in shown[:SHOWN]])
    more = f", {len(shown) - SHOWN:,} of them not shown" if len(shown) > SHOWN else ""
    say(f"[red]Not reproduced[/]: {len(shown)} of {result.n_figures} figures differ{more}; golden rows {bits}.")
    if not result.changed:
        say("Nothing that the run recorded has changed: this is a defect, or the machine computes otherwise.")
