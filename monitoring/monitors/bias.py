"""bias: whether the judged version errs to one side."""

from __future__ import annotations

import numpy as np
import polars as pl

from contracts.populations import population
from contracts.settings import MonitorsSettings
from monitoring.readings import Reading, not_measured
from monitoring.rolling import Figure, mean_of, shortage
from monitoring.view import View
from systems.catalog import system_class, system_names

NAME = "bias"


def read(view: View) -> list[Reading]:
    """One reading of the judged version over its grades of the rolling days, population played."""
    if view.judged is None:
        return [not_measured(NAME, "", f"no predictions in the {view.settings.monitors.rolling_days} days before")]
    system = view.judged.system
    is_median = system in system_names() and system_class(system).estimates == "median"
    rows = view.graded.filter(population("played"))
    return [judge(view.judged.subject, rows, view.settings.monitors, is_median=is_median)]


def judge(subject: str, graded: pl.DataFrame, limits: MonitorsSettings, *, is_median: bool) -> Reading:
    """Bad where the interval by date lies wholly beyond the limit, on either side.

    A median system: share of results above the prediction (a result on it counts half), minus 0.5. A mean system: mean
    error, predicted - actual. `graded` holds game_date and error.
    """
    if why := shortage(graded, "played", limits):
        return not_measured(NAME, subject, why, n=graded.height)
    errors = graded["error"].to_numpy()
    if is_median:
        off, limit = (errors < 0) + 0.5 * (errors == 0) - 0.5, limits.max_share_off
        figure = mean_of(off, graded, "played", limits)
        what = f"share of results above the prediction, less 0.5, is {figure.told('+.3f')}"
    else:
        limit = limits.max_mean_error
        figure = mean_of(np.asarray(errors, dtype=np.float64), graded, "played", limits)
        what = f"mean error is {figure.told('+.2f')} points"
    detail = f"{subject}: {what}, at most {limit:g} either way; {figure.about}."
    return Reading(NAME, subject, figure.value, limit, figure.n, _is_beyond(figure, limit), detail)


def _is_beyond(figure: Figure, limit: float) -> bool:
    return figure.is_above(limit) or figure.is_below(-limit)
