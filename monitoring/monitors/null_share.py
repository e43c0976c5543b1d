"""null_share: what part of a date's rows lacks a feature, against earlier dates of the same season stage."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from contracts.settings import MonitorsSettings
from monitoring.readings import Reading, not_measured
from monitoring.shift import last_date, span
from monitoring.view import View

NAME = "null_share"


def read(view: View) -> list[Reading]:
    """A reading a feature; those that are sparse by nature (lines) wait until the date's games are over."""
    still_coming = (view.today["state"] == "scheduled").any() if view.today.height else False
    sparse = {name for name, share in view.settings.quality.max_null_share_of.items() if share >= 1.0}
    names = [name for name in view.feature_set.names if not (still_coming and name in sparse)]
    return judge(view.today, view.reference, names, view.settings.monitors)


def judge(now: pl.DataFrame, then: pl.DataFrame, names: Sequence[str], limits: MonitorsSettings) -> list[Reading]:
    """Bad where the NULL share has risen by more than the limit; the value is the rise. `now` is of one date."""
    if min(now.height, then.height) < limits.min_rows:
        why = f"{now.height} rows of expected players and {then.height} earlier ones, {limits.min_rows} are needed"
        return [not_measured(NAME, "", why, n=now.height)]
    shares = [rows.select(pl.col(names).is_null().mean()).row(0, named=True) for rows in (now, then)]
    told = f"{now.height} rows of {last_date(now)}"
    return [_reading(name, shares[0][name], shares[1][name], now.height, told, span(then), limits) for name in names]


def _reading(
    name: str, share: float, earlier: float, n: int, told: str, reference: str, limits: MonitorsSettings
) -> Reading:
    rise, limit = share - earlier, limits.max_null_rise
    detail = f"{name} is NULL in {share:.1%} of {told}, in {earlier:.1%} of {reference}; it may rise by {limit:.0%}."
    return Reading(NAME, name, rise, limit, n, is_bad=rise > limit, detail=detail)
