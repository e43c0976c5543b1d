"""`tipoff report`: the daily report of a date."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from tipoff.output import emit, json_option, say, working
from tipoff.parameters import DATE, NEW_FILE


@click.command()
@click.option("--date", "game_date", required=True, type=DATE, help="The league's date.")
@click.option("--out", required=True, type=NEW_FILE, help="The HTML file to write.")
@json_option
def report(game_date: date | None, out: Path, as_json: bool) -> None:
    """Write the report of a date: slate, grades, accuracy, calibration, coverage, drift, lineage, on one HTML page.

    A date without games has a report that says so.
    """
    from contracts.errors import UsageError
    from monitoring.report.page import write_report
    from tipoff.wiring import wire

    if game_date is None:
        raise UsageError("--date names no date.", remedy="Write it as 2024-03-01.")
    wiring = wire()
    with working("Reading what was said and what happened"):
        path = write_report(wiring.engine, wiring.settings, game_date, out)
    say(f"The report of {game_date}: {path}")
    emit({"path": str(path), "game_date": game_date}, as_json=as_json)
