"""`tipoff batch start`: a date's batch, from start to done."""

from __future__ import annotations

from datetime import date

import click

from tipoff.commands.batch.show import show_batch
from tipoff.output import json_option
from tipoff.parameters import DATE


@click.command()
@click.option("--game-date", required=True, type=DATE, help="The league's date.")
@json_option
def start(game_date: date, as_json: bool) -> None:
    """Start the batch of a date and work on it until it has ended; other workers share it.

    The same date again is the same batch, unless its rows or the versions have changed: then a new revision begins.
    Exit code 3 where a system's coverage is below monitors.min_coverage.
    """
    from tipoff.coordinator.batches import open_batch
    from tipoff.coordinator.expectation import expect
    from tipoff.coordinator.work import work_off
    from tipoff.wiring import wire

    wiring = wire()
    opened, _ = open_batch(wiring.engine, expect(wiring.engine, wiring.settings, game_date))
    ended = work_off(wiring.engine, wiring.home, wiring.settings, opened.batch_id)
    show_batch(wiring, ended, as_json=as_json, judge=True)
