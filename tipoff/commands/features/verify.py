"""`tipoff features verify`: is what stands in the table true?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tipoff.commands.features.common import FEATURE_SET, plain
from tipoff.output import emit, json_option, say, working

if TYPE_CHECKING:
    from features.verify.verify import VerifyReport


@click.command()
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
    emit(plain(report), as_json=as_json)
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
