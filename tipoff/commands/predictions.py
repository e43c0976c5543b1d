"""`tipoff predictions`: what was said and what came of it, as a file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from tipoff.output import emit, json_option, say, working
from tipoff.parameters import DATE, NAME, NEW_FILE


@click.command()
@click.option("--from", "date_from", type=DATE, help="First game date; default: the first there is.")
@click.option("--to", "date_to", type=DATE, help="Last game date; default: the last there is.")
@click.option("--system", type=NAME, help="Of one system alone.")
@click.option("--out", required=True, type=NEW_FILE, help="The file to write: FILE.csv, else parquet.")
@json_option
def predictions(date_from: date | None, date_to: date | None, system: str | None, out: Path, as_json: bool) -> None:
    """Write stored predictions with their grades to a file: a row each, with version, sha256, build and time."""
    from contracts.files import write_rows
    from monitoring.said import read_said
    from tipoff.wiring import wire

    wiring = wire()
    with working("Reading predictions"):
        rows = read_said(wiring.engine, date_from, date_to, system)
        write_rows(rows, out)
    first, last = rows["game_date"][0], rows["game_date"][-1]
    graded = int(rows["outcome"].is_not_null().sum())
    say(f"{rows.height:,} predictions about {first} to {last}, {graded:,} of them graded, in {out}")
    emit(
        {"rows": rows.height, "graded": graded, "date_from": first, "date_to": last, "path": str(out)}, as_json=as_json
    )
