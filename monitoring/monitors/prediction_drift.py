"""prediction_drift: what a version predicts on the latest dates against what it predicted before them."""

from __future__ import annotations

import polars as pl

from contracts.settings import MonitorsSettings
from monitoring.readings import Reading, not_measured
from monitoring.shift import Shift, newest_of_each, span
from monitoring.view import View

NAME = "prediction_drift"


def read(view: View) -> list[Reading]:
    """One reading of the judged version; it needs no results, and so speaks before errors can."""
    if view.judged is None:
        return [not_measured(NAME, "", f"no predictions in the {view.settings.monitors.rolling_days} days before")]
    return [judge(view.judged.subject, view.said, view.settings.monitors)]


def judge(subject: str, said: pl.DataFrame, limits: MonitorsSettings) -> Reading:
    """Bad where PSI is beyond its limit plus chance and Kolmogorov-Smirnov beyond chance; one value a player.

    `said` holds game_date, game_id, player_id and predicted: its latest `recent_dates` dates against the others.
    """
    days = said["game_date"].unique().sort()
    recent = days.tail(limits.recent_dates)
    is_recent = pl.col("game_date").is_in(recent.implode())
    now, then = said.filter(is_recent), said.filter(~is_recent)
    if min(now.height, then.height) < limits.min_rows:
        why = f"{now.height} {limits.label} predictions and {then.height} earlier, {limits.min_rows} are needed"
        return not_measured(NAME, subject, why, n=now.height)
    shift = Shift.of(*(newest_of_each(rows, ["predicted"])["predicted"] for rows in (now, then)))
    limit = limits.max_psi + shift.psi_by_chance
    detail = (
        f"{subject}: PSI {shift.psi:.2f} (limit {limit:.2f}), Kolmogorov-Smirnov {shift.distance:.2f}, p "
        f"{shift.p_value:.2g}; the newest {limits.label} predictions of {shift.n_now} players in {span(now)} against "
        f"{shift.n_then} in {span(then)}."
    )
    is_bad = shift.psi > limit and shift.p_value < limits.drift_level
    return Reading(NAME, subject, shift.psi, limit, shift.n_now, is_bad, detail)
