"""Step build: every row that is missing or stale, of every feature set that a version or training reads."""

from __future__ import annotations

from datetime import date

from contracts.errors import RefusedError
from contracts.feature_set import FeatureSet
from contracts.jobs import JobRun
from contracts.populations import population
from contracts.settings import Settings
from features.feature_sets import load_feature_set
from features.table.backfill import backfill
from features.table.rows import read_rows
from tipoff.coordinator.expectation import wanted_versions
from tipoff.day.tools import Tools


def build(tools: Tools, game_date: date, run: JobRun) -> None:
    """Rows up to date; figures: dates and rows computed, expected rows of the date.

    Raises what `backfill` raises, and RefusedError where a game of the date has no expected rows and must have some, or
    they are stale.
    """
    settings = tools.reaching(game_date)
    n_dates = n_rows = 0
    last = game_date if tools.built_from else None
    sets = _sets(tools)
    for chosen in sets:
        report = backfill(tools.engine, chosen, settings, date_from=tools.built_from, date_to=last, read=tools.read)
        n_dates, n_rows = n_dates + report.dates, n_rows + report.rows
    expected = {chosen.name: _check(tools, settings, chosen, game_date) for chosen in sets}
    run.figures = {"dates": n_dates, "rows": n_rows, "expected": expected}
    rows = " and ".join(f"{n} expected rows of {name}" for name, n in expected.items())
    run.detail = f"{n_dates} dates built; {game_date} has {rows}."


def _sets(tools: Tools) -> list[FeatureSet]:
    wanted = wanted_versions(tools.engine, tools.settings.coordinator.systems).values()
    names = {version.feature_set for version in wanted if version is not None}
    return [load_feature_set(name) for name in sorted(names | {tools.settings.training.feature_set})]


def _check(tools: Tools, settings: Settings, chosen: FeatureSet, game_date: date) -> int:
    """How many rows of the date are expected; 0 where it has no games, or nobody can be expected in any."""
    scheduled = tools.expectable_games(game_date)
    if not scheduled:
        return 0
    rows = read_rows(
        tools.engine, chosen, date_from=game_date, date_to=game_date, columns=["game_id", "player_id", "is_expected"]
    ).filter(population("expected"))
    rowless = scheduled - set(rows["game_id"].to_list())
    is_stale = game_date in tools.work_tools(settings).rows.freshness.stale(chosen)
    if rowless or is_stale:
        fault = f"{len(rowless)} of {len(scheduled)} games have no rows" if rowless else "its rows are stale"
        raise RefusedError(
            f"{chosen.name} is built, and {fault} of {game_date}.",
            remedy="`tipoff features status` says what is missing; the schedule and the box scores before it decide.",
        )
    return rows.height
