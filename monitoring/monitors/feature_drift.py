"""feature_drift: each feature's distribution over the latest dates against earlier dates of the same season stage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from contracts.settings import MonitorsSettings
from monitoring.readings import Reading, not_measured
from monitoring.shift import Shift, adjusted, newest_of_each, span
from monitoring.view import View

NAME = "feature_drift"
FEW_VALUES = 10
"""A feature of no more distinct values has no deciles; its shares are the business of default_share."""
SHARED = 0.9
"""Where the players of a team have one value in so large a share of its games, a team counts once and not a player."""


def read(view: View) -> list[Reading]:
    """A reading a feature that the calendar does not decide and that does not grow with what was ingested."""
    passed_over = {feature.name for feature in view.feature_set.features if feature.may_be_constant}
    passed_over |= set(view.settings.quality.accumulating)
    names = [name for name in view.feature_set.names if name not in passed_over]
    return judge(view.recent, view.reference, names, view.settings.monitors)


def judge(now: pl.DataFrame, then: pl.DataFrame, names: Sequence[str], limits: MonitorsSettings) -> list[Reading]:
    """Bad where PSI is beyond its limit plus chance, and Kolmogorov-Smirnov is beyond chance over all features.

    One value a player (or team, where its players share it): the newest. `now` and `then` hold game_date, game_id,
    player_id, team_id and `names`.
    """
    if min(now.height, then.height) < limits.min_rows:
        return [not_measured(NAME, "", _too_few(now, then, limits), n=now.height)]
    of_team = _shared_by_team(then, names)
    shifts = _shifts(now, then, of_team, "team_id")
    shifts |= _shifts(now, then, [name for name in names if name not in of_team], "player_id")
    known = {name: shift for name, shift in shifts.items() if shift is not None}
    p_values = dict(zip(known, adjusted([shift.p_value for shift in known.values()]), strict=True))
    told = f"{span(now)} against {span(then)}"
    return [
        not_measured(NAME, name, f"too few distinct values in {told}")
        if name not in known
        else _reading(name, known[name], p_values[name], len(known), told, limits)
        for name in names
    ]


def _reading(name: str, shift: Shift, p: float, n_features: int, told: str, limits: MonitorsSettings) -> Reading:
    limit = limits.max_psi + shift.psi_by_chance
    detail = (
        f"{name}: PSI {shift.psi:.2f} (limit {limit:.2f}), Kolmogorov-Smirnov {shift.distance:.2f}, p {p:.2g} "
        f"(Benjamini-Hochberg over {n_features} features, level {limits.drift_level:g}); {shift.n_now} newest values "
        f"of {told} with {shift.n_then}."
    )
    is_bad = shift.psi > limit and p < limits.drift_level
    return Reading(NAME, name, shift.psi, limit, shift.n_now, is_bad, detail)


def _shifts(now: pl.DataFrame, then: pl.DataFrame, names: Sequence[str], key: str) -> dict[str, Shift | None]:
    """The shift of each feature, one value a `key`; None where it has too few."""
    if not names:
        return {}
    values, earlier = (newest_of_each(rows, names, key) for rows in (now, then))
    known = {name: len(values[name]) >= FEW_VALUES and len(np.unique(earlier[name])) > FEW_VALUES for name in names}
    return {name: Shift.of(values[name], earlier[name]) if known[name] else None for name in names}


def _shared_by_team(rows: pl.DataFrame, names: Sequence[str]) -> list[str]:
    """The features of which a team's players in a game nearly always have one value."""
    shared = rows.group_by("game_id", "team_id").agg((pl.col(names).max() == pl.col(names).min()).fill_null(value=True))
    return [name for name, share in shared.select(pl.col(names).mean()).row(0, named=True).items() if share > SHARED]


def _too_few(now: pl.DataFrame, then: pl.DataFrame, limits: MonitorsSettings) -> str:
    return f"{now.height} rows of expected players and {then.height} earlier ones, {limits.min_rows} of each are needed"
