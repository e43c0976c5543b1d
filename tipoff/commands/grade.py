"""`tipoff grade`: predictions held against what happened."""

from __future__ import annotations

from datetime import date

import click

from tipoff.output import emit, json_option, say, table
from tipoff.parameters import DATE


@click.command()
@click.option("--from", "date_from", type=DATE, help="First game date; default: the earliest prediction.")
@click.option("--to", "date_to", type=DATE, help="Last game date; default: the latest prediction.")
@json_option
def grade(date_from: date | None, date_to: date | None, as_json: bool) -> None:
    """Hold stored predictions against what happened: live, backfill and in-sample apart; did-not-play is void."""
    from monitoring.grading import grade as run_grading
    from tipoff.wiring import wire

    report = run_grading(wire().engine, date_from, date_to)
    if not as_json:
        columns = ("label", "system", "version", "population", "MAE", "N")
        table(
            "Grades",
            columns,
            [
                [row[name] for name in ("label", "system", "model_version", "population", "mae", "n")]
                for row in report.by_label
            ],
        )
    say(f"{report.graded:,} graded, {report.void:,} void (did not play), {report.ungraded:,} waiting for results")
    emit(report.to_json(), as_json=as_json)
