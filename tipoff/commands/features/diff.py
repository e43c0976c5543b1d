"""`tipoff features diff`: what changed between two builds, and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from tipoff.output import emit, json_option, say, table
from tipoff.parameters import NUMBER

if TYPE_CHECKING:
    from features.table.diff import BuildDiff

REASONS = {
    "raw_correction": "raw facts that the rows may know were corrected, deleted, moved or came late",
    "code": "the builders' code changed",
    "definition": "the feature sets' definitions differ",
    "settings": "settings that make rows changed",
    "not_built": "one of the builds had not computed the date",
    "not_recorded": "inputs changed; which was not yet kept when one of the builds was made",
    "unexplained": "nothing that makes a row changed: please report this",
}


@click.command()
@click.argument("a", type=NUMBER)
@click.argument("b", type=NUMBER)
@click.option("--feature-set", help="The set that both builds must be of; without it each build's own.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=20, show_default=True, help="So many cells and rows one by one."
)
@json_option
def diff(a: int, b: int, feature_set: str | None, limit: int, as_json: bool) -> None:
    """Say which cells of the feature table are not the same in builds A and B, and why.

    Builds of two feature sets are compared in the columns that both have.
    """
    from features.feature_sets import load_feature_set
    from features.table.diff import diff as run_diff
    from tipoff.wiring import wire

    asked = load_feature_set(feature_set) if feature_set else None
    found = run_diff(wire().engine, a, b, feature_set=asked, limit=limit)
    if not as_json:
        _say(found)
    emit(asdict(found), as_json=as_json)


def _say(found: BuildDiff) -> None:
    say(
        f"Build {found.a.build_id} ({found.a.feature_set}) -> build {found.b.build_id} ({found.b.feature_set}): "
        f"{found.changed_cells:,} cells of {found.changed_rows:,} rows changed; "
        f"{found.only_in_a:,} rows only in {found.a.build_id}, {found.only_in_b:,} only in {found.b.build_id}."
    )
    if found.causes:
        table("Why", ("cause", "rows", "that is"), [(name, n, REASONS[name]) for name, n in found.causes.items()])
    if found.new_kinds:
        say(f"Ingested for the first time in between: {', '.join(found.new_kinds)}.")
    if found.raw:
        facts = [(str(each["game_date"]), each["kind"], each["rows"]) for each in found.raw]
        table("Raw facts that changed", ("date", "kind", "rows that may know them"), facts)
    if found.columns:
        table("Changed cells by column", ("column", "cells"), list(found.columns.items()))
    if found.cells:
        columns = ("game_date", "game_id", "player_id", "column", "a", "b")
        cells = [[_shown(each[name]) for name in columns] + [", ".join(each["causes"])] for each in found.cells]
        table(f"The first {len(cells)} cells", (*columns, "why"), cells)
    if found.rows:
        rows = [
            (str(each["game_date"]), each["game_id"], each["player_id"], each["in"], ", ".join(each["causes"]))
            for each in found.rows
        ]
        table(f"The first {len(rows)} rows in one only", ("game_date", "game_id", "player_id", "in", "why"), rows)


def _shown(value: object) -> object:
    """NULL by its name: a dash would hide that it is the news."""
    return "NULL" if value is None else str(value)
