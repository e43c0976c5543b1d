"""`tipoff registry repair`: what MLflow shows is brought in step with the promotion history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from tipoff.output import emit, json_option, say, table, working

if TYPE_CHECKING:
    from registry.picture import Change


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what differs, change nothing.")
@json_option
def repair(dry_run: bool, as_json: bool) -> None:
    """Show every place where MLflow says something else than the history, then put it right.

    The history is the truth: stages, aliases, tags and descriptions follow it. A webhook is told what it missed.
    """
    from registry.repair import repair as run_repair
    from tipoff.announcement import announce
    from tipoff.wiring import wire

    wiring = wire()
    with working("Comparing MLflow with the history"):
        found = run_repair(wiring.engine, wiring.home, dry_run=True)
    _show(found)
    webhook = None
    if found and not dry_run:
        with working("Putting MLflow right"):
            found = run_repair(wiring.engine, wiring.home)
        say(f"[green]Mended[/]: {len(found)} places.")
    if not dry_run:
        webhook = announce(wiring)
    emit(
        {"dry_run": dry_run, "repaired": not dry_run, "changes": [asdict(change) for change in found]}
        | ({"webhook": webhook} if webhook else {}),
        as_json=as_json,
    )


def _show(found: Sequence[Change]) -> None:
    if not found:
        say("MLflow and the history agree.")
        return
    rows = [(change.subject, change.field, _line(change.found), _line(change.wanted)) for change in found]
    table("Where MLflow differs from the history", ("what", "field", "MLflow shows", "should show"), rows)


def _line(text: str | None) -> str | None:
    """The first line of a description, cut."""
    return None if text is None else text.splitlines()[0][:60]
