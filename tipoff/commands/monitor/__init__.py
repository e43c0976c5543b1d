"""`tipoff monitor`: what the monitors see, what they are, and a drill of each."""

from __future__ import annotations

from datetime import date

import click

from tipoff.commands.monitor.catalog import list_monitors
from tipoff.commands.monitor.drill import drill
from tipoff.output import json_option
from tipoff.parameters import DATE


@click.group(invoke_without_command=True)
@click.option("--date", "game_date", type=DATE, help="As of which date; default: the league's today.")
@click.option("--act", is_flag=True, help="Retrain and roll back where a monitor wants it and the settings allow it.")
@json_option
@click.pass_context
def monitor(context: click.Context, game_date: date | None, act: bool, as_json: bool) -> None:
    """Look by every monitor at a date, keep states and alarms, list what is degraded or blocked.

    Exit code 0 with the findings; 1 where a monitor could not measure because something is down, or an action failed.
    """
    if context.invoked_subcommand is None:
        from tipoff.commands.monitor.look import look

        look(game_date, act=act, as_json=as_json)


for command in (list_monitors, drill):
    monitor.add_command(command)
