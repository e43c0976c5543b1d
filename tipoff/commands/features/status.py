"""`tipoff features status`: how far the feature table is."""

from __future__ import annotations

import click

from tipoff.output import emit, json_option, table


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Per builder and season: expected, done, missing, stale."""
    from features.table.status import status as read_status
    from tipoff.wiring import wire

    wiring = wire()
    found = read_status(wiring.engine, wiring.settings)
    columns = ("builder", "season", "expected", "done", "missing", "stale")
    if not as_json:
        table("Builders", columns, [[row[column] for column in columns] for row in found.builders])
        table(
            "Feature sets",
            ("name", "hash", "built"),
            [(s["name"], s["hash"][:12], s["built"]) for s in found.feature_sets],
        )
    emit({"builders": found.builders, "complete": found.complete, "feature_sets": found.feature_sets}, as_json=as_json)
