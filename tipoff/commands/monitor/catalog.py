"""`tipoff monitor list`: what each monitor measures, its limit, and what is done."""

from __future__ import annotations

import click

from tipoff.output import emit, json_option, table

COLUMNS = ("monitor", "measures", "limit", "action")


@click.command("list")
@json_option
def list_monitors(as_json: bool) -> None:
    """Name the monitors with what they measure, their limit and their action, as the settings have them."""
    from contracts.settings import load_settings
    from monitoring.monitors.catalog import MONITORS

    limits = load_settings().monitors
    monitors = [
        {"name": name, "measures": each.measures, "limit": each.limit(limits), "action": each.action_of(limits)}
        for name, each in MONITORS.items()
    ]
    if not as_json:
        table(f"{len(monitors)} monitors", COLUMNS, [list(each.values()) for each in monitors])
    emit({"monitors": monitors}, as_json=as_json)
