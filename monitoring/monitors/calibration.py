"""calibration: what part of the results falls into the 80 % intervals."""

from __future__ import annotations

import polars as pl

from contracts.populations import population
from contracts.settings import MonitorsSettings
from monitoring.readings import Reading, not_measured
from monitoring.rolling import mean_of, shortage
from monitoring.view import View

NAME = "calibration"
MEANT = 0.8


def read(view: View) -> list[Reading]:
    """One reading of the judged version over its grades of the rolling days, population played."""
    if view.judged is None:
        return [not_measured(NAME, "", f"no predictions in the {view.settings.monitors.rolling_days} days before")]
    return [judge(view.judged.subject, view.graded.filter(population("played")), view.settings.monitors)]


def judge(subject: str, graded: pl.DataFrame, limits: MonitorsSettings) -> Reading:
    """Bad where the share's interval by date lies wholly beyond 0.8 and the limit, on either side.

    `graded` holds game_date and in_interval.
    """
    if why := shortage(graded, "played", limits):
        return not_measured(NAME, subject, why, n=graded.height)
    figure = mean_of(graded["in_interval"].cast(pl.Float64).to_numpy(), graded, "played", limits)
    low, high = MEANT - limits.max_interval_off, MEANT + limits.max_interval_off
    detail = (
        f"{subject}: {figure.told('.1%')} of the results are in the 80 % intervals, {low:.0%} to {high:.0%} are "
        f"allowed; {figure.about}."
    )
    is_bad = figure.is_below(low) or figure.is_above(high)
    return Reading(NAME, subject, figure.value, low if figure.value < MEANT else high, figure.n, is_bad, detail)
