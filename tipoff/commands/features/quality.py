"""`tipoff features quality`: the verdict of a build's gates, and its report."""

from __future__ import annotations

from pathlib import Path

import click

from tipoff.commands.features.common import FEATURE_SET
from tipoff.output import emit, json_option, say, table
from tipoff.parameters import NEW_FILE, NUMBER


@click.command()
@FEATURE_SET
@click.option("--build", "build_id", type=NUMBER, help="A build, failed ones among them; without it the newest judged.")
@click.option("--out", type=NEW_FILE, help="Where to write the report; without it quality/ under TIPOFF_HOME.")
@json_option
def quality(feature_set: str, build_id: int | None, out: Path | None, as_json: bool) -> None:
    """Show whether a build passed its gates, and write the report of it: an HTML page with pictures."""
    from features.feature_sets import load_feature_set
    from features.quality.report import read_quality, write_report
    from features.quality.verdict import Outcome, first_failures
    from tipoff.wiring import wire

    wiring = wire()
    found = read_quality(wiring.engine, load_feature_set(feature_set), build_id)
    path = out or wiring.home.root / "quality" / f"build-{found.build_id}.html"
    write_report(found, path)
    verdict = found.verdict
    loud = [test for test in first_failures(verdict.tests) if test.outcome in (Outcome.FAILED, Outcome.WATCH)]
    if loud and not as_json:
        columns = ("outcome", "test", "of", "figure", "limit", "detail")
        table(
            "Failed and watched", columns, [(t.outcome, t.name, t.subject, t.figure, t.limit, t.detail) for t in loud]
        )
    counts = {one.value: sum(test.outcome is one for test in verdict.tests) for one in Outcome}
    told = ", ".join(f"{n} {outcome.replace('_', ' ')}" for outcome, n in counts.items())
    accepted = f" Accepted all the same: {verdict.accepted}." if verdict.accepted else ""
    say(f"Build {found.build_id} {'passed' if verdict.passed else 'failed'}: {told}.{accepted} The report: {path}")
    tests = [test.as_mapping() for test in first_failures(verdict.tests)]
    result = {"build_id": found.build_id, "state": found.state, "passed": verdict.passed, "accepted": verdict.accepted}
    emit(result | {"tests": tests, "path": str(path)}, as_json=as_json)
