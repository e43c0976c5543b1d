"""too_good: a version far better than the line has seen what it could not know; failure 29."""

from __future__ import annotations

import polars as pl

from contracts.populations import population
from contracts.settings import MonitorsSettings
from monitoring.monitors.mae_gap import LINE, gaps
from monitoring.readings import Reading, not_measured
from monitoring.rolling import mean_of, shortage
from monitoring.view import View

NAME = "too_good"


def read(view: View) -> list[Reading]:
    """One reading of the judged version over its lined grades."""
    if view.judged is None:
        return [not_measured(NAME, "", f"no predictions in the {view.settings.monitors.rolling_days} days before")]
    return [judge(view.judged.subject, view.graded.filter(population("lined")), view.settings.monitors)]


def judge(subject: str, lined: pl.DataFrame, limits: MonitorsSettings) -> Reading:
    """Bad where the MAE is more than the limit under the line's on the same rows: a leak until proven otherwise.

    `lined` holds game_date, predicted, error and line.
    """
    if why := shortage(lined, "lined", limits):
        return not_measured(NAME, subject, why, n=lined.height)
    figure = mean_of(-gaps(lined, LINE), lined, "lined", limits)
    detail = (
        f"{subject}: MAE {figure.told('+.3f')} under the line's, more than {limits.too_good:g} means a leak; the same "
        f"rows, {figure.about}."
    )
    return Reading(NAME, subject, figure.value, limits.too_good, figure.n, figure.value > limits.too_good, detail)
