"""`tipoff features status`: how far the feature table is."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from contracts.errors import UsageError
from tipoff.output import emit, json_option, say, table, watch, working

if TYPE_CHECKING:
    from rich.console import RenderableType

    from features.table.status import Status

REFRESH_SECONDS = 1.0
TOLD = 10
COUNTS = ("builder", "season", "expected", "done", "missing", "stale")


@click.command()
@click.option("--watch", "is_watching", is_flag=True, help="On the screen, anew every second, until Ctrl-C.")
@json_option
def status(is_watching: bool, as_json: bool) -> None:
    """Per builder and season: expected, done, missing, stale; the build that runs, and the newest where it failed."""
    if is_watching and as_json:
        raise UsageError(
            "--watch is for people and has no end: it goes without --json.", remedy="Leave one of them out."
        )
    from features.table.status import StatusReader
    from tipoff.wiring import wire

    wiring = wire()
    reader = StatusReader(wiring.engine, wiring.settings)
    with working("Reading what is known"):
        found = reader.read()
    if is_watching:
        watch(lambda: _picture(reader.read()), REFRESH_SECONDS)
        return
    if not as_json:
        _say(found)
    emit(_as_json(found), as_json=as_json)


def _say(found: Status) -> None:
    table("Builders", COUNTS, [[row[column] for column in COUNTS] for row in found.builders])
    for line in _notes(found):
        say(line)
    sets = [(each["name"], each["hash"][:12], each["built"]) for each in found.feature_sets]
    table("Feature sets", ("name", "hash", "built"), sets)


def _picture(found: Status) -> RenderableType:
    """A bar of done against expected per builder and season, and what runs or failed."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    made = Table(
        "builder", "season", "", "done", "expected", "stale", title=found.feature_set, box=None, pad_edge=False
    )
    for row in found.builders:
        bar = ProgressBar(total=row["expected"], completed=row["done"], width=30)
        made.add_row(row["builder"], row["season"], bar, *(str(row[name]) for name in ("done", "expected", "stale")))
    return Group(made, *(_notes(found) or ["complete" if found.complete else "nothing runs"]), "Ctrl-C ends this.")


def _notes(found: Status) -> list[str]:
    """What runs, what failed, and the units that have not the rows they wrote."""
    notes = [f"[red]{each}[/]" for each in found.miscounts[:TOLD]]
    if len(found.miscounts) > TOLD:
        notes.append(f"[red]... and {len(found.miscounts) - TOLD:,} units more.[/]")
    if found.running:
        run = found.running
        left = "" if run.seconds_left is None else f", {timedelta(seconds=round(run.seconds_left))} left"
        counts = f"{run.dates:,} dates written, {run.left:,} to go"
        notes.append(f"Build {run.build_id} is under way: {counts}, {run.dates_per_second:,.1f} dates/s{left}.")
    if found.failed:
        notes.append(f"[yellow]Build {found.failed.build_id} was not finished: {found.failed.failure}[/]")
    if not found.running and not found.complete:
        notes.append("`tipoff features backfill` builds what is missing or stale.")
    return notes


def _as_json(found: Status) -> dict[str, Any]:
    return {
        "builders": found.builders,
        "complete": found.complete,
        "feature_sets": found.feature_sets,
        "running": asdict(found.running) if found.running else None,
        "failed": asdict(found.failed) if found.failed else None,
        "miscounts": [asdict(each) for each in found.miscounts],
    }
