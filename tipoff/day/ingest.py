"""Step ingest: every source of `daily.sources` is asked, and one that is down does not keep the others from it."""

from __future__ import annotations

import glob
from collections import Counter
from datetime import date
from pathlib import Path

from contracts.errors import TipoffError, UnavailableError, UsageError
from contracts.jobs import JobRun
from contracts.settings import DailySource
from tipoff.day.tools import Tools

FIRST_MONTH = 10
"""The month in which a season begins."""
FETCHED = ("game-logs", "schedule")


def ingest(tools: Tools, game_date: date, run: JobRun) -> None:
    """Facts of all sources; figures: rows, changed and rejected.

    Raises UnavailableError naming each source that gave nothing usable; what the others gave stays.
    """
    sources = tools.settings.daily.sources
    if not sources:
        run.skip("daily.sources names no source: facts come in by hand, or by something else.")
        return
    counts: Counter[str] = Counter(rows=0, changed=0, rejected=0)
    faults = []
    for source in sources:
        try:
            counts.update(_take(tools, source, game_date))
        except TipoffError as error:
            faults.append(f"{source.kind}: {error.message}")
    run.figures = {"sources": len(sources), "failed": len(faults), **counts}
    run.detail = f"{len(sources)} sources: {counts['rows']:,} rows, {counts['changed']:,} of them news."
    if faults:
        raise UnavailableError(
            f"{len(faults)} of {len(sources)} sources gave nothing: {' '.join(faults)}",
            remedy=f"See to them, then `tipoff day --date {game_date}` again; it is tried by itself the next time.",
        )


def season_of(game_date: date) -> int:
    """The start year of the season that is on, or was last, on a date."""
    return game_date.year if game_date.month >= FIRST_MONTH else game_date.year - 1


def _take(tools: Tools, source: DailySource, game_date: date) -> dict[str, int]:
    return _fetch(tools, game_date) if source.path is None else _read(tools, source.kind, source.path)


def _read(tools: Tools, kind: str, pattern: str) -> dict[str, int]:
    from features.raw.ingest import ingest as ingest_sources
    from features.sources.files import read_file

    paths = sorted(glob.glob(pattern, recursive=True)) or [pattern]
    report = ingest_sources(tools.engine, kind, [read_file(Path(path)) for path in paths], tools.home.rejects)
    if report.rejected and not report.rows:
        raise UsageError(f"every one of {report.rejected:,} rows of {pattern} was rejected: {report.rejects_path}.")
    return {"rows": report.rows, "changed": report.changed, "rejected": report.rejected}


def _fetch(tools: Tools, game_date: date) -> dict[str, int]:
    from features.raw.season_fetch import fetch_seasons

    season = season_of(game_date)
    found = fetch_seasons(tools.engine, (season, season), FETCHED, tools.settings.features, tools.home.rejects)
    return {name: sum(getattr(report, name) for report in found.reports) for name in ("rows", "changed", "rejected")}
