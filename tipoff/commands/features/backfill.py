"""`tipoff features backfill`: build what is expected and not there."""

from __future__ import annotations

import os
from datetime import date
from typing import TYPE_CHECKING

import click

from tipoff.commands.features.common import FEATURE_SET, plain
from tipoff.output import emit, json_option, progress, say, working
from tipoff.parameters import DATE, SEASONS, YES_NO

if TYPE_CHECKING:
    from contracts.feature_set import FeatureSet
    from features.table.backfill import BackfillReport
    from tipoff.wiring import Wiring
    from training.runs import Run


@click.command()
@FEATURE_SET
@click.option("--seasons", type=SEASONS, help="One season or a span, as 2021-22:2023-24.")
@click.option("--from", "date_from", type=DATE, help="First date.")
@click.option("--to", "date_to", type=DATE, help="Last date.")
@click.option(
    "--rebuild",
    is_flag=False,
    flag_value="yes",
    default="no",
    type=YES_NO,
    help="All expected dates, not only those that are missing or stale.",
)
@click.option(
    "--engine",
    type=click.Choice(["polars", "spark"]),
    default="polars",
    show_default=True,
    help="Where rows are computed: in this process, or by PySpark (docs/spark.md). The rows are the same.",
)
@click.option(
    "--accept-quality",
    metavar="REASON",
    help="Let a build that fails its quality gates become current, and keep the reason with it.",
)
@click.option("--publish", is_flag=True, help="Tell the coordinator and its subscribers of each builder and date.")
@json_option
def backfill(
    feature_set: str,
    seasons: tuple[int, int] | None,
    date_from: date | None,
    date_to: date | None,
    rebuild: bool,
    engine: str,
    accept_quality: str | None,
    publish: bool,
    as_json: bool,
) -> None:
    """Populate what is expected and not there: dates never built, and dates whose inputs or code changed.

    `mlflow run . -e backfill --env-manager local -P feature_set=v2_33features` is the same.
    """
    from features.engines.choice import choose_engine
    from features.feature_sets import load_feature_set
    from features.table.backfill import backfill as run_backfill
    from tipoff.wiring import project_run, wire

    compute_with = choose_engine(engine)
    wiring = wire()
    chosen = load_feature_set(feature_set)
    with project_run(wiring.home, f"backfill of {chosen.name}") as run:
        with progress("Building features", "dates") as bar:
            report = run_backfill(
                wiring.engine,
                chosen,
                wiring.settings,
                seasons=seasons,
                date_from=date_from,
                date_to=date_to,
                rebuild=rebuild,
                accept_quality=accept_quality,
                publish=publish,
                compute_with=compute_with,
                progress=bar,
                now=bar.now,
            )
        if run is not None:
            _log(run, chosen, report)
    say(
        f"Build {report.build_id}: {report.rows:,} rows of {report.dates:,} dates in {report.seconds:.1f} s; "
        f"{report.skipped:,} dates were there already."
    )
    if report.games_without_results:
        say(f"{report.games_without_results:,} past games have lines but no box scores: not expected, not built.")
    _see_to_way_back(wiring)
    if publish:
        _relay(wiring)
    emit(plain(report), as_json=as_json)


def _see_to_way_back(wiring: Wiring) -> None:
    """Say what became of the named way back, or what it waits for."""
    from registry.versions import production
    from tipoff.way_back import MIN_DATES, ensure_way_back

    with working("Seeing to a named way back"):
        named = ensure_way_back(wiring)
    if named is not None:
        say(f"season_average is registered as version {named} and in Production: the named way back.")
    elif production(wiring.engine) is None:
        wanted = wiring.settings.training.feature_set
        say(f"No version is in Production yet: season_average needs {MIN_DATES} dates of results, built as {wanted}.")


def _relay(wiring: Wiring) -> None:
    """Tell now who answers; the coordinator goes on with what is left, until it is taken."""
    from tipoff.coordinator.relay import addresses, events_url, relay

    place = wiring.settings.coordinator
    token = os.environ.get("TIPOFF_API_TOKEN") or None
    for url, fault in relay(
        wiring.engine, addresses(events_url(place.host, place.port), place.subscribers, token)
    ).items():
        say(f"{url} has not taken all events ({fault}): `tipoff coordinator` goes on telling them.")


def _log(run: Run, feature_set: FeatureSet, report: BackfillReport) -> None:
    """What the run of an MLflow project says of the build."""
    from systems.versions import library_versions
    from training.report import code_tags

    run.say(
        metrics={"rows": report.rows, "dates": report.dates, "skipped": report.skipped, "seconds": report.seconds},
        tags={
            "kind": "backfill",
            "feature_set": feature_set.name,
            "feature_set_hash": feature_set.hash,
            "build_id": report.build_id,
        }
        | code_tags(library_versions(["tipoff", "numpy", "polars"])),
        description=f"Build {report.build_id} of {feature_set.name}: {report.rows:,} rows of {report.dates:,} dates; "
        f"{report.skipped:,} dates were there already.",
    )
