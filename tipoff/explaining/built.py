"""The links in the middle: whether the five builders are done with the date, and what the feature row says."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from contracts.tables import build_units
from features.builders.compute import BUILDERS
from features.table.rows import current_build, read_rows, stale_dates
from tipoff.explaining.link import Case, Link


def builders(case: Case) -> Link:
    """Whether every builder has done the date in the build that is current, and nothing has changed since."""
    remedy = f"tipoff features backfill --feature-set {case.feature_set.name}"
    build = current_build(case.wiring.engine, case.feature_set)
    unit = build_units.c
    query = sa.select(unit.builder, unit.build_id, unit.n_rows, unit.done_at).where(
        unit.feature_set == case.feature_set.name, unit.game_date == case.game_date
    )
    with case.wiring.engine.connect() as connection:
        done = {row.builder: dict(row._mapping) for row in connection.execute(query)}
    is_stale = build is not None and case.game_date in stale_dates(
        case.wiring.engine, case.feature_set, case.wiring.settings
    )
    states = {name: "missing" if name not in done else "stale" if is_stale else "done" for name in BUILDERS}
    values: dict[str, Any] = {"build_id": build.build_id if build else None, "states": states, "units": done}
    if build is None:
        return Link("builders", False, f"{case.feature_set.name} has no finished build.", values, remedy)
    for state, why in (("missing", "have not done"), ("stale", "have done, before something changed,")):
        wrong = [name for name, each in states.items() if each == state]
        if wrong:
            message = f"{len(wrong)} of {len(BUILDERS)} builders {why} {case.game_date}: {', '.join(wrong)}."
            return Link("builders", False, message, values, remedy)
    return Link(
        "builders", True, f"All {len(BUILDERS)} have done {case.game_date}, and nothing has changed since.", values
    )


def feature_row(case: Case) -> Link:
    """Whether the current build has a row of him that expects him, and which features it lacks, with reasons."""
    remedy = f"tipoff features backfill --feature-set {case.feature_set.name}"
    if current_build(case.wiring.engine, case.feature_set) is None:
        return Link("feature_row", False, "Nothing is built.", {}, remedy)
    rows = read_rows(case.wiring.engine, case.feature_set, date_from=case.game_date, date_to=case.game_date)
    mine = [row for row in rows.iter_rows(named=True) if row["player_id"] == case.player_id]
    if not mine:
        message = f"None of the {rows.height} rows of {case.game_date} is his: he is not expected, and did not appear."
        return Link("feature_row", False, message, {"rows": rows.height}, remedy)
    row = mine[0]
    missing = missing_features(row["missing"])
    names = ("game_id", "team_id", "state", "is_expected", "line", "max_source_date", "n_active_games_season")
    values = {name: row[name] for name in names} | {"missing": missing}
    if not row["is_expected"]:
        message = "He has a row because he appeared, and was not expected before the game: nobody predicts it."
        return Link("feature_row", False, message, values, "See raw_rows: what was not known before the game.")
    n = len(case.feature_set.names)
    return Link("feature_row", True, f"He is expected; {n - len(missing)} of {n} features are there.", values)


def missing_features(told: str) -> dict[str, str]:
    """'no_history:a,b;no_line:c' -> {'a': 'no_history', 'b': 'no_history', 'c': 'no_line'}."""
    parts = [part.partition(":") for part in told.split(";") if part]
    return {name: reason for reason, _, names in parts for name in names.split(",")}
