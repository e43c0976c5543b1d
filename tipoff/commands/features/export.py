"""`tipoff features export`: a build as a parquet file."""

from __future__ import annotations

from pathlib import Path

import click

from tipoff.commands.features.common import FEATURE_SET, plain
from tipoff.output import emit, json_option, say
from tipoff.parameters import NEW_FILE, NUMBER


@click.command()
@FEATURE_SET
@click.option("--out", required=True, type=NEW_FILE, help="The file to write: FILE.csv, else parquet.")
@click.option("--build", "build_id", type=NUMBER, help="A build, as it was then; without it the current one.")
@json_option
def export(feature_set: str, out: Path, build_id: int | None, as_json: bool) -> None:
    """Write a build's rows to a file: key, state, the features by name, and what happened."""
    from features.feature_sets import load_feature_set
    from features.table.export import export as run_export
    from tipoff.wiring import wire

    report = run_export(wire().engine, load_feature_set(feature_set), out, build_id=build_id)
    say(f"{report.rows:,} rows of build {report.build_id} in {out}")
    emit(plain(report), as_json=as_json)
