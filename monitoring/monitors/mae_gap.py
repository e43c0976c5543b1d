"""mae_gap: the judged version's MAE less that of the line and of the plain averages, on the same rows."""

from __future__ import annotations

import polars as pl

from contracts.metrics import Floats
from contracts.populations import LINE_AVERAGES, population
from contracts.settings import MonitorsSettings
from monitoring.readings import Reading, not_measured
from monitoring.rolling import mean_of, shortage
from monitoring.view import View

NAME = "mae_gap"
LINE = "line"


def read(view: View) -> list[Reading]:
    """A reading for the line (population lined) and one for each average (played), of the judged version."""
    limits = view.settings.monitors
    if view.judged is None:
        return [not_measured(NAME, "", f"no predictions in the {limits.rolling_days} days before")]
    subject, played = view.judged.subject, view.graded.filter(population("played"))
    return [
        judge(subject, LINE, LINE, played, "lined", limits.max_gap_to_line, limits),
        *(
            judge(subject, name, column, played, "played", limits.max_gap_to_average, limits)
            for name, column in LINE_AVERAGES.items()
        ),
    ]


def judge(
    version: str,
    name: str,
    column: str,
    graded: pl.DataFrame,
    of: str,
    limit: float,
    limits: MonitorsSettings,
) -> Reading:
    """Bad where even the low end of the gap's interval is above `limit` points of MAE.

    The other guess `name` is in `column`; rows without it do not count. `graded` holds game_date, predicted and error
    (predicted - actual); `of` names its population.
    """
    subject, rows = f"{version} to {name}", graded.filter(pl.col(column).is_not_null())
    if why := shortage(rows, of, limits):
        return not_measured(NAME, subject, why, n=rows.height)
    figure = mean_of(gaps(rows, column), rows, of, limits)
    detail = (
        f"{version}: MAE less that of {name} is {figure.told('+.3f')}, at most {limit:g} above it; the same rows, "
        f"{figure.about}."
    )
    return Reading(NAME, subject, figure.value, limit, figure.n, figure.is_above(limit), detail)


def gaps(graded: pl.DataFrame, column: str) -> Floats:
    """|error| less the error of the guess in `column`, row by row."""
    actual = pl.col("predicted") - pl.col("error")
    return graded.select(pl.col("error").abs() - (pl.col(column) - actual).abs()).to_series().to_numpy()
