"""`tipoff features`: the feature table."""

from __future__ import annotations

import click

from tipoff.commands.features.backfill import backfill
from tipoff.commands.features.diff import diff
from tipoff.commands.features.export import export
from tipoff.commands.features.prune import prune
from tipoff.commands.features.quality import quality
from tipoff.commands.features.status import status
from tipoff.commands.features.verify import verify


@click.group()
def features() -> None:
    """Build, look at, verify and export the feature table."""


for command in (backfill, status, export, verify, diff, prune, quality):
    features.add_command(command)
