"""`tipoff batch status`: how a batch stands."""

from __future__ import annotations

from datetime import date

import click

from tipoff.commands.batch.show import show_batch
from tipoff.output import json_option
from tipoff.parameters import DATE


@click.command()
@click.option("--batch", "batch_id", help="The batch's id; default: the batch that was started last.")
@click.option("--game-date", type=DATE, help="The newest revision of this date.")
@json_option
def status(batch_id: str | None, game_date: date | None, as_json: bool) -> None:
    """How a batch stands: rows expected, predicted, skipped and failed, for each system."""
    from contracts.errors import UsageError
    from tipoff.coordinator.batches import find_batch
    from tipoff.wiring import wire

    if batch_id is not None and game_date is not None:
        raise UsageError("--batch and --game-date both name a batch.", remedy="Give one of them.")
    wiring = wire()
    found = find_batch(wiring.engine, batch_id=batch_id, game_date=game_date)
    show_batch(wiring, found, as_json=as_json, judge=False)
