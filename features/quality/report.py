"""The report of a build that a person can read: one page of HTML with its pictures inside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from contracts.errors import UnavailableError, UsageError
from contracts.feature_set import FeatureSet
from contracts.files import written_whole
from contracts.tables import builds
from features.quality.plots import histogram, lines
from features.quality.style import STYLE
from features.quality.verdict import Outcome, Test, Verdict, first_failures


@dataclass(frozen=True)
class BuildQuality:
    """What is kept of a build's quality: its record, its verdict, and the profile that the report draws."""

    build_id: int
    feature_set: str
    state: str
    started_at: datetime
    verdict: Verdict
    profile: dict[str, Any]


def read_quality(engine: sa.Engine, feature_set: FeatureSet, build_id: int | None = None) -> BuildQuality:
    """The quality of build `build_id` (None: the newest of `feature_set` that was judged), failed ones among them.

    Raises UsageError where there is no such build of that feature set, UnavailableError where none was judged.
    """
    query = sa.select(builds).where(builds.c.feature_set == feature_set.name).order_by(builds.c.build_id.desc())
    with engine.connect() as connection:
        found = connection.execute(query).mappings().all()
    if build_id is not None and build_id not in {row["build_id"] for row in found}:
        known = f"the newest is {found[0]['build_id']}" if found else "there is none"
        raise UsageError(
            f"{feature_set.name} has no build {build_id}; {known}.",
            remedy="Leave out --build for the newest that was judged.",
        )
    judged = [row for row in found if row["quality"] and build_id in (None, row["build_id"])]
    if not judged:
        raise UnavailableError(
            f"No verdict is kept with {f'build {build_id}' if build_id else f'any build of {feature_set.name}'}.",
            remedy="`tipoff features backfill --rebuild` makes a build that is judged.",
        )
    row = judged[0]
    kept = row["quality"]
    return BuildQuality(
        row["build_id"],
        row["feature_set"],
        row["state"],
        row["started_at"],
        Verdict.from_json(kept),
        kept["profile"],
    )


def write_report(quality: BuildQuality, path: Path) -> None:
    """Write the page to `path`, whole or not at all.

    Raises UsageError where it cannot be written.
    """
    with written_whole(path, make_folder=True) as file:
        file.write_text(render(quality), encoding="utf-8")


def render(quality: BuildQuality) -> str:
    """The page: verdict, failed and watched tests, dates, populations, then every feature; it fetches nothing."""
    parts = (
        _head(quality),
        _tests(quality.verdict),
        _dates(quality.profile["dates"]),
        _populations(quality.profile["populations"]),
        _features(quality),
    )
    title = f"Build {quality.build_id} of {escape(quality.feature_set)}: quality"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _head(quality: BuildQuality) -> str:
    verdict, profile = quality.verdict, quality.profile
    outcome = "passed" if verdict.passed else "failed"
    counts = ", ".join(
        f"{sum(test.outcome is one for test in verdict.tests)} {one.value.replace('_', ' ')}" for one in Outcome
    )
    against = profile["reference"]
    compared = (
        f"Held against {against['n_rows']:,} rows of {against['date_from']} to {against['date_to']}, {against['kind']}."
        if against
        else "No earlier rows to be held against."
    )
    accepted = f"<p><b>Accepted all the same:</b> {escape(verdict.accepted)}</p>" if verdict.accepted else ""
    name, n_rows = escape(quality.feature_set), profile["n_rows"]
    return (
        f'<h1>Build {quality.build_id} of {name} <span class="mark {outcome}">{outcome}</span></h1>'
        f'<p class="muted">{quality.started_at:%Y-%m-%d %H:%M} UTC, build {quality.state}; {n_rows:,} rows of '
        f"{profile['date_from']} to {profile['date_to']}. {compared}</p><p>Tests: {counts}.</p>{accepted}"
    )


def _tests(verdict: Verdict) -> str:
    ordered = first_failures(verdict.tests)
    loud = [test for test in ordered if test.outcome in (Outcome.FAILED, Outcome.WATCH)]
    quiet = ordered[len(loud) :]
    shown = _test_table(loud) if loud else "<p>Nothing failed, nothing to watch.</p>"
    return (
        f"<h2>Failed and watched</h2>{shown}<details><summary>The other {len(quiet)} tests</summary>"
        f"{_test_table(quiet)}</details>"
    )


def _test_table(tests: Iterable[Test]) -> str:
    rows = (
        f'<tr><td><span class="mark {test.outcome}">{test.outcome.replace("_", " ")}</span></td>'
        f"<td>{escape(test.name)}</td><td>{escape(test.subject)}</td><td class=number>{_number(test.figure)}</td>"
        f"<td class=number>{_number(test.limit)}</td><td>{escape(test.detail)}</td></tr>"
        for test in tests
    )
    head = "<tr><th></th><th>test</th><th>of</th><th class=number>figure</th><th class=number>limit</th><th></th></tr>"
    return f"<div class=scroll><table class=tests>{head}{''.join(rows)}</table></div>"


def _dates(dates: dict[str, list[Any]]) -> str:
    days = dates["game_date"]
    if not days:
        return ""
    both = dates["n_both"]
    played = [share(n, of) for n, of in zip(both, dates["n_played"], strict=True)]
    expected = [share(n, of) for n, of in zip(both, dates["n_expected"], strict=True)]
    n_rows = sum(dates["n_rows"])
    about = f"expected against played on {len(days)} dates"
    return (
        f"<h2>Expected against played</h2>{lines([('dot-b', expected), ('dot-a', played)], about)}"
        f'<p class="muted">{days[0]} to {days[-1]}, a dot a date ({len(days):,} dates, {n_rows:,} rows)</p>'
        '<p class="key"><b class="a">●</b> of those who played, the share that was expected; '
        '<b class="b">●</b> of the expected, the share that played</p>'
    )


def _populations(populations: dict[str, dict[str, float]]) -> str:
    now, then = populations["now"], populations["then"]
    rows = (
        f"<tr><td>{name}</td><td class=number>{value:.1%}</td>"
        f"<td class=number>{f'{then[name]:.1%}' if name in then else '-'}</td></tr>"
        for name, value in now.items()
    )
    head = "<tr><th>population</th><th class=number>share of the rows</th><th class=number>then</th></tr>"
    return f"<h2>Populations</h2><table>{head}{''.join(rows)}</table>"


def _features(quality: BuildQuality) -> str:
    shifts = {test.column: test for test in quality.verdict.tests if test.name == "shift" and test.column}
    failed = {test.column for test in quality.verdict.failures}
    told = quality.profile["features"].items()
    cards = [_card(name, feature, shifts.get(name), name in failed) for name, feature in told]
    key = '<p class="key">bars: this build; <b class="b">line</b>: the rows it is held against</p>'
    return f'<h2>Features</h2>{key}<div class="cards">{"".join(cards)}</div>'


def _card(name: str, feature: dict[str, Any], shift: Test | None, is_failed: bool) -> str:
    then = f", {feature['nulls_then']:.1%} then" if "nulls_then" in feature else ""
    facts = [("NULL", f"{feature['nulls']:.1%}{then}")]
    picture = '<p class="muted">no values</p>'
    if "now" in feature:
        figures = (f"{feature[figure]:.4g}" for figure in ("min", "median", "max"))
        facts.append(("min · median · max", " · ".join(figures)))
        low, high = feature["edges"]
        picture = histogram(feature["now"], feature.get("then"), f"distribution of {name} from {low:g} to {high:g}")
    if shift is not None:
        facts.append(("shift (PSI), limit", f"{_number(shift.figure)}, {_number(shift.limit)}"))
    listed = "".join(f"<dt>{term}</dt><dd>{escape(value)}</dd>" for term, value in facts)
    return (
        f'<div class="card{" is-failed" if is_failed else ""}"><h3>{escape(name)}</h3>{picture}<dl>{listed}</dl></div>'
    )


def share(part: int, whole: int) -> float | None:
    """part / whole, or None of nothing."""
    return min(1.0, part / whole) if whole else None


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
