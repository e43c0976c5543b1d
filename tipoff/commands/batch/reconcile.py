"""`tipoff batch reconcile`: one look at what the schedule expects and what is there."""

from __future__ import annotations

import sys

import click

from tipoff.output import emit, json_option, say


@click.command()
@json_option
def reconcile(as_json: bool) -> None:
    """Open the batches that are due, and say what is expected and not there; for cron, where no coordinator runs.

    Exit code 1 while an alarm stands.
    """
    from tipoff.alerts import tell_alarms
    from tipoff.coordinator.reconciler import reconcile as look
    from tipoff.wiring import wire

    wiring = wire()
    found = look(wiring.engine, wiring.settings)
    for batch_id in found.opened:
        say(f"Opened {batch_id}: `tipoff worker` works on it.")
    for finding in found.findings:
        say(f"[red]{finding.name}[/]: {finding.message}\n  {finding.remedy}")
    untold = tell_alarms(wiring.home, wiring.settings, wiring.engine)
    if untold is not None:
        say(f"[yellow]{untold}[/]")
    emit({"opened": found.opened, "alarms": [vars(each) for each in found.findings]}, as_json=as_json)
    sys.exit(1 if found.findings else 0)
