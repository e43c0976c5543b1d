"""`tipoff monitor drill`: a monitor's fault on a copy of the database, and whether it fires."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from tipoff.output import emit, json_option, say, table, working

if TYPE_CHECKING:
    from monitoring.drills.drill import Drilled

ALL = "all"
COLUMNS = ("monitor", "fault", "before", "after", "looks", "passed")


@click.command()
@click.argument("name")
@json_option
def drill(name: str, as_json: bool) -> None:
    """Plant the fault of monitor NAME (or of all) on a copy of the database, and show that it fires.

    The database itself is only read. Exit code 1 where the monitor was not quiet before, or does not fire.
    """
    from monitoring.drills.drill import drill as run_drill
    from monitoring.monitors.catalog import MONITORS
    from tipoff.wiring import wire

    wiring, drills = wire(), []
    with working("Drilling") as now:
        for each in run_drill(wiring.engine, wiring.settings, list(MONITORS) if name == ALL else [name]):
            now(f"{each.monitor} {'fired' if each.is_passed else 'did not fire'}")
            drills.append(each)
    if not as_json:
        table("Drills, each on a copy of the database", COLUMNS, [_row(each) for each in drills])
        for told in drills:
            say(f"[bold]{told.monitor}[/]: {told.message or 'no alarm'}")
    passed = all(each.is_passed for each in drills)
    emit({"passed": passed, "drills": [each.to_json() for each in drills]}, as_json=as_json)
    sys.exit(0 if passed else 1)


def _row(told: Drilled) -> list[object]:
    passed = "[green]yes[/]" if told.is_passed else "[red]no[/]"
    return [told.monitor, told.fault, _worst(told.before), _worst(told.after), told.n_looks, passed]


def _worst(states: Mapping[str, str]) -> str:
    from monitoring.states import State

    order = [str(state) for state in State]
    return max(states.values(), key=order.index, default="not measured")
