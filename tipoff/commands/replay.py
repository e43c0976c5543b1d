"""`tipoff replay`: past days as if live."""

from __future__ import annotations

import sys
from datetime import date
from typing import TYPE_CHECKING

import click

from contracts.errors import UsageError
from tipoff.output import emit, json_option, progress, say, table
from tipoff.parameters import DATE

if TYPE_CHECKING:
    from tipoff.replay.outcome import Replay


@click.command()
@click.option("--from", "date_from", required=True, type=DATE, help="First game date.")
@click.option("--to", "date_to", required=True, type=DATE, help="Last game date.")
@click.option("--no-train", is_flag=True, help="Exit with 3 where no version's training ended before a date.")
@json_option
def replay(date_from: date | None, date_to: date | None, no_train: bool, as_json: bool) -> None:
    """Run past days as if live, in a database of their own: clock and facts are those of each morning.

    Only versions whose training ended before a date answer for it; where there is none, one is trained on what was
    known then. Exit code 1 for a leak or a failed step, 3 where coverage falls short.
    """
    if date_from is None or date_to is None:
        raise UsageError("A replay needs its first and its last date.", remedy="Give --from D --to D.")
    from tipoff.replay.replay import replay as run_replay
    from tipoff.wiring import wire

    wiring = wire()
    with progress("Replaying", "days") as bar:
        played = run_replay(wiring, date_from, date_to, may_train=not no_train, progress=bar, now=bar.now)
    if not as_json:
        _show(played)
    emit(played.to_json(), as_json=as_json)
    sys.exit(played.exit_code)


def _show(played: Replay) -> None:
    told = played.to_json()
    columns = ("date", "label", "model_version", "expected", "predicted", "coverage", "graded", "mae", "seconds")
    table(f"Replay: {played.state}", columns, [[day[name] for name in columns] for day in told["days"]])
    for failed in told["failed"]:
        say(f"[red]failed[/] {failed}")
    for comparison in played.comparisons:
        differing = ", ".join(f"{n} of {name}" for name, n in comparison.differing.items()) or "none"
        say(comparison.why_not or f"{comparison.cells:,} cells held against the real table; differing: {differing}")
    say(f"{played.leaks} leaks. The twin is {played.database}")
