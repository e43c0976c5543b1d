"""`tipoff batch`: the coordinator's batches without HTTP."""

from __future__ import annotations

import click

from tipoff.commands.batch.dead_letters import dead_letters, replay
from tipoff.commands.batch.reconcile import reconcile
from tipoff.commands.batch.start import start
from tipoff.commands.batch.status import status


@click.group()
def batch() -> None:
    """Predict a date's slate by every system, and see how it stands."""


for command in (start, status, dead_letters, replay, reconcile):
    batch.add_command(command)
