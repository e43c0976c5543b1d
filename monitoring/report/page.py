"""The daily report as a whole: what is read, which sections it has, and how it gets onto the disk."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import sqlalchemy as sa

from contracts import clock
from contracts.files import written_whole
from contracts.settings import Settings
from monitoring.alarms import standing_alarms
from monitoring.report import accuracy, calibration, coverage_by_date, drift, graded, jobs, lineage, slate_rows, states
from monitoring.report.headline import headline
from monitoring.report.markup import Html, details, document, join, section
from monitoring.report.slate import slate
from monitoring.report.style import STYLE
from monitoring.report.yesterday import figure_tables, read_outcomes, yesterday

SPAN_DAYS = 60
"""How far back the figures over time look."""


def write_report(engine: sa.Engine, settings: Settings, game_date: date, path: Path) -> Path:
    """Write the report of `game_date` to `path`, whole or not at all; returns the path, absolute.

    Raises UsageError where it cannot be written.
    """
    page = render_report(engine, settings, game_date)
    with written_whole(path, make_folder=True) as file:
        file.write_text(page, encoding="utf-8")
    return path.absolute()


def render_report(engine: sa.Engine, settings: Settings, game_date: date) -> Html:
    """The page of `game_date`; it fetches nothing, and every section is there whether or not it has anything to say."""
    least = settings.monitors.min_coverage
    origin = lineage.read_lineage(engine, game_date)
    live = origin.production
    shown = slate_rows.read_slate(engine, settings, game_date, live.version if live else None)
    standing, monitor_states = standing_alarms(engine), states.read_states(engine)
    first = game_date - timedelta(days=SPAN_DAYS)
    covered = coverage_by_date.read_covered(engine, settings, first, game_date, live.system if live else None)
    return document(
        f"tipoff, {game_date}",
        STYLE,
        headline(shown, live, monitor_states, standing, least, clock.now()),
        states.alarms(standing),
        slate(shown),
        _graded(engine, settings.training.target, game_date, live.version if live else shown.version),
        coverage_by_date.coverage_section(covered, live.system if live else None, least),
        drift.drift(drift.read_tracks(engine, first, game_date)),
        states.monitors(monitor_states),
        lineage.lineage(origin),
        jobs.jobs(jobs.read_job_runs(engine), clock.now()),
    )


def _graded(engine: sa.Engine, target: str, game_date: date, version: int | None) -> Html:
    """The sections about grades; `version` is the one in question (None: there is none)."""
    first, last = game_date - timedelta(days=SPAN_DAYS), game_date - timedelta(days=1)
    rows = graded.read_graded(engine, target, first, last)
    outcomes = read_outcomes(engine, target, game_date)
    day = outcomes.game_date if outcomes else last
    the_day = graded.read_graded(engine, target, day, day)
    with engine.connect() as connection:
        names = slate_rows.names_of(connection, the_day["player_id"].to_list())
    return join(
        yesterday(outcomes, the_day, version, names, target),
        accuracy.accuracy(accuracy.races(rows, version) if version is not None else [], target),
        calibration.calibration(calibration.calibrations(rows, version) if version is not None else []),
        _every_figure(graded.figures(rows), graded.n_unknown(rows), target, first, last),
    )


def _every_figure(found: list[graded.Figure], n_unknown: int, target: str, first: date, last: date) -> Html:
    left = (
        f" {n_unknown:,} graded rows are in no population: the build they were made from is gone." if n_unknown else ""
    )
    about = f"Every label, system, version and population with grades, {first} to {last}.{left}"
    return section("All figures", details(f"{len(found)} figures", figure_tables(found, target)), about=about)
