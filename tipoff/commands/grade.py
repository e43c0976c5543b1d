"""`tipoff grade`: predictions held against what happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import click

from tipoff.output import emit, json_option, say, table
from tipoff.parameters import DATE

WHO = ("label", "system", "model_version")
BETS = {
    "hit_rate": "bets won of those decided",
    "hit_rate_priced": "... of those with a price",
    "break_even": "... at which these break even",
    "profit": "profit of a stake of 1",
    "closing_line_value": "points that the line moved our way",
}


@click.command()
@click.option("--from", "date_from", type=DATE, help="First game date; default: the earliest prediction.")
@click.option("--to", "date_to", type=DATE, help="Last game date; default: the latest prediction.")
@json_option
def grade(date_from: date | None, date_to: date | None, as_json: bool) -> None:
    """Hold stored predictions against what happened: live, backfill and in-sample apart; did-not-play is void.

    Where a line was known, the side of it that was predicted is graded as a bet too, at the books' prices of the
    cut-off: hit rate beside the rate at which those prices break even, profit, and how far the line moved our way.
    """
    from monitoring.grading import grade as run_grading
    from tipoff.wiring import wire

    wiring = wire()
    report = run_grading(wiring.engine, wiring.settings, date_from, date_to)
    if not as_json:
        _show(report.by_label)
    say(f"{report.graded:,} graded, {report.void:,} void (did not play), {report.ungraded:,} waiting for results")
    emit(report.to_json(), as_json=as_json)


def _show(figures: Sequence[dict[str, Any]]) -> None:
    rows = [
        [*(row[name] for name in (*WHO, "population", "mae")), _interval(row["mae_ci95"]), row["n"]] for row in figures
    ]
    table("Grades", ("label", "system", "version", "population", "MAE", "95 % interval", "N"), rows)
    bets = [
        [*(row[name] for name in WHO), title, mean["value"], _interval(mean["ci95"]), mean["n"]]
        for row in figures
        if row["bets"] is not None
        for name, title in BETS.items()
        if (mean := row["bets"][name]) is not None
    ]
    if bets:
        table("Against the line", ("label", "system", "version", "lined", "mean", "95 % interval", "N"), bets)


def _interval(ci95: tuple[float, float] | None) -> str | None:
    """'4.401 to 4.633'; None: it is of one date."""
    return None if ci95 is None else f"{ci95[0]:.3f} to {ci95[1]:.3f}"
