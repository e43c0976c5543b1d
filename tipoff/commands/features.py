"""`tipoff features`: the feature table."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tipoff.output import emit, json_option, progress, say, table, working
from tipoff.parameters import DATE, NEW_FILE, NUMBER, SEASONS

if TYPE_CHECKING:
    from features.verify.verify import VerifyReport

FEATURE_SET = click.option(
    "--feature-set", default="v2_33features", show_default=True, help="A set of conf/feature_sets."
)


@click.group()
def features() -> None:
    """Build, look at, verify and export the feature table."""


@features.command()
@FEATURE_SET
@click.option("--seasons", type=SEASONS, help="One season or a span, as 2021-22:2023-24.")
@click.option("--from", "date_from", type=DATE, help="First date.")
@click.option("--to", "date_to", type=DATE, help="Last date.")
@click.option("--rebuild", is_flag=True, help="All expected dates, not only those that are missing or stale.")
@json_option
def backfill(
    feature_set: str,
    seasons: tuple[int, int] | None,
    date_from: date | None,
    date_to: date | None,
    rebuild: bool,
    as_json: bool,
) -> None:
    """Populate what is expected and not there: dates never built, and dates whose inputs or code changed."""
    from features.feature_sets import load_feature_set
    from features.table.backfill import backfill as run_backfill
    from registry.versions import production
    from tipoff.way_back import MIN_DATES, ensure_way_back
    from tipoff.wiring import wire

    wiring = wire()
    with progress("Building features", "dates") as report_progress:
        report = run_backfill(
            wiring.engine,
            load_feature_set(feature_set),
            wiring.settings,
            seasons=seasons,
            date_from=date_from,
            date_to=date_to,
            rebuild=rebuild,
            progress=report_progress,
        )
    say(
        f"Build {report.build_id}: {report.rows:,} rows of {report.dates:,} dates in {report.seconds:.1f} s; "
        f"{report.skipped:,} dates were there already."
    )
    if report.games_without_results:
        say(f"{report.games_without_results:,} past games have lines but no box scores: not expected, not built.")
    named = ensure_way_back(wiring)
    if named is not None:
        say(f"season_average is registered as version {named} and in Production: the named way back.")
    elif production(wiring.engine) is None:
        say(f"No version is in Production yet: season_average needs {MIN_DATES} dates of results.")
    emit(_plain(report), as_json=as_json)


@features.command()
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


@features.command()
@FEATURE_SET
@click.option("--out", required=True, type=NEW_FILE, help="The parquet file to write.")
@click.option("--build", "build_id", type=NUMBER, help="A build, as it was then; without it the current one.")
@json_option
def export(feature_set: str, out: Path, build_id: int | None, as_json: bool) -> None:
    """Write a build's rows to a parquet file: key, state, the features by name, and what happened."""
    from features.feature_sets import load_feature_set
    from features.table.export import export as run_export
    from tipoff.wiring import wire

    report = run_export(wire().engine, load_feature_set(feature_set), out, build_id=build_id)
    say(f"{report.rows:,} rows of build {report.build_id} in {out}")
    emit(_plain(report), as_json=as_json)


@features.command()
@FEATURE_SET
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=2_000,
    show_default=True,
    help="About so many stored rows, in whole games; 0: all.",
)
@click.option("--seed", type=int, default=7, show_default=True, help="Which games and which dates are drawn.")
@json_option
def verify(feature_set: str, sample: int, seed: int, as_json: bool) -> None:
    """Recompute stored rows from the raw tables in another way, and change the future to see who notices.

    Exit code 1 where a cell differs or a row knows its own date or later.
    """
    from features.feature_sets import load_feature_set
    from features.verify.verify import verify as run_verify
    from tipoff.wiring import wire

    wiring = wire()
    with working("Verifying features") as now:
        report = run_verify(
            wiring.engine, load_feature_set(feature_set), wiring.settings, n_rows=sample, seed=seed, now=now
        )
    _say_verified(report)
    emit(_plain(report), as_json=as_json)
    if not report.is_true:
        sys.exit(1)


def _say_verified(report: VerifyReport) -> None:
    for found in (*report.mismatched[:10], *report.leaked[:10]):
        say(f"[red]{found}[/]")
    for name, n in report.mismatches_by_column.items():
        say(f"{name}: {n:,} cells differ")
    say(
        f"{report.checked:,} stored rows of build {report.build_id} recomputed ({report.cells:,} cells of features): "
        f"{report.mismatches:,} mismatches; future changed from {' and '.join(report.cut_dates) or 'no date'}: "
        f"{report.leaks:,} leaks; {report.seconds:.1f} s."
    )
    if report.not_recomputed:
        say(f"Not recomputed, only held against a changed future: {', '.join(report.not_recomputed)}.")
    if report.n_stale_dates:
        say(f"{report.n_stale_dates:,} dates are stale: `tipoff features backfill` rebuilds them.")


def _plain(report: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(report)
