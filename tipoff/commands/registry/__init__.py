"""`tipoff registry`: versions, their stages, and the history of every move."""

from __future__ import annotations

import click

from tipoff.commands.registry.compare import compare
from tipoff.commands.registry.lineage import lineage
from tipoff.commands.registry.prune import prune
from tipoff.commands.registry.repair import repair
from tipoff.commands.registry.versions import history, list_, show


@click.group()
def registry() -> None:
    """Versions, their stages and the history of every move."""


for command in (list_, show, history, compare, lineage, repair, prune):
    registry.add_command(command)
