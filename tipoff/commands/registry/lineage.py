"""`tipoff registry lineage ID`: from a prediction to its raw sources, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from tipoff.output import emit, json_option, table


@click.command()
@click.argument("asked", metavar="ID")
@json_option
def lineage(asked: str, as_json: bool) -> None:
    """What ID came from and what came of it: prediction, version, run, commit, feature build, raw sources.

    ID is a prediction's number, or version:3, run:ID, commit:HASH, build:4, ingest:2. Of anything but a prediction the
    predictions that came of it are counted.
    """
    from tipoff.lineage import trace
    from tipoff.wiring import wire

    found = trace(wire(), asked)
    if not as_json:
        for name, rows in found["links"].items():
            _show(name, rows)
    emit(found, as_json=as_json)


def _show(name: str, rows: Sequence[Any]) -> None:
    if rows and not isinstance(rows[0], Mapping):
        rows = [{name.removesuffix("s"): row} for row in rows]
    if len(rows) == 1:
        table(name.capitalize(), ("what", "value"), [(key, str(value)) for key, value in rows[0].items()])
    elif rows:
        columns = list(rows[0])
        table(name.capitalize(), columns, [[_short(row.get(column)) for column in columns] for row in rows])


def _short(value: Any) -> str | None:
    return None if value is None else str(value)[:40]
