"""How a batch is shown to people and to programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tipoff.output import emit, say, table

if TYPE_CHECKING:
    from tipoff.coordinator.batches import Batch
    from tipoff.wiring import Wiring


def show_batch(wiring: Wiring, batch: Batch, *, as_json: bool, judge: bool) -> None:
    """The batch as it stands now; where `judge`, its end below the least coverage ends the command with 3."""
    from tipoff.coordinator.report import standing

    told = standing(wiring.engine, batch, wiring.settings)
    body = told.to_json()
    columns = ("expected", "predicted", "skipped", "failed", "coverage")
    if not as_json:
        rows = [[name, *(counts[column] for column in columns)] for name, counts in body["systems"].items()]
        table(f"{batch.batch_id}: {body['state']}", ("system", *columns), rows)
    if told.shortfall is not None:
        say(f"[yellow]Coverage[/]: {told.shortfall} `tipoff batch dead-letters` lists what failed.")
    emit(body, as_json=as_json)
    if judge and told.shortfall is not None:
        sys.exit(3)
