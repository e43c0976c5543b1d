"""`tipoff day`: one daily cycle."""

from __future__ import annotations

import sys
from datetime import date
from typing import TYPE_CHECKING

import click

from tipoff.output import emit, json_option, say, table, working
from tipoff.parameters import DATE

if TYPE_CHECKING:
    from tipoff.day.report import DayReport


@click.command()
@click.option("--date", "game_date", type=DATE, help="The league's date; default: today's.")
@json_option
def day(game_date: date | None, as_json: bool) -> None:
    """Ingest, build, predict, grade yesterday, monitor, report, retrain when due; missed dates first, in order.

    What is done already is not done again: a day that was killed or failed is run again by the same command. Exit
    code 1 where a step failed, 3 where coverage falls short, or where a day runs already.
    """
    from contracts import clock
    from tipoff.alerts import tell_alarms
    from tipoff.day.cycle import run_day
    from tipoff.day.tools import Tools
    from tipoff.wiring import wire

    wiring = wire()
    chosen = game_date or clock.league_date(clock.now())
    with working(f"The day of {chosen}"):
        report = run_day(Tools(wiring.home, wiring.settings, wiring.engine), chosen)
    untold = tell_alarms(wiring.home, wiring.settings, wiring.engine)
    if untold is not None:
        say(f"[yellow]{untold}[/]")
    if not as_json:
        for each in (*report.caught_up, report):
            _show(each)
    emit(report.to_json(), as_json=as_json)
    sys.exit(report.exit_code)


def _show(report: DayReport) -> None:
    table(
        f"{report.game_date}: {report.state}",
        ("step", "state", "seconds", ""),
        [(step.name, step.state, step.seconds, step.detail) for step in report.steps],
    )
    for step in report.failed:
        say(f"[red]{step.name}[/]: {step.remedy or 'the same command again'}")
