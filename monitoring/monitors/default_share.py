"""default_share: what part of a date's values is one and the same, against earlier dates of the same season stage."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from contracts.settings import MonitorsSettings
from monitoring.readings import Reading, not_measured
from monitoring.shift import last_date, span
from monitoring.view import View

NAME = "default_share"


def read(view: View) -> list[Reading]:
    """A reading a feature that the calendar does not decide: a default or a constant in the place of values."""
    names = [feature.name for feature in view.feature_set.features if not feature.may_be_constant]
    return judge(view.today, view.reference, names, view.settings.monitors)


def judge(now: pl.DataFrame, then: pl.DataFrame, names: Sequence[str], limits: MonitorsSettings) -> list[Reading]:
    """Bad where the most common value fills more of a date than of any earlier one, by more than the limit.

    The value is the rise over the largest share that it had on a date of `then`; NULLs count for nothing.
    """
    if min(now.height, then.height) < limits.min_rows:
        why = f"{now.height} rows of expected players and {then.height} earlier ones, {limits.min_rows} are needed"
        return [not_measured(NAME, "", why, n=now.height)]
    return [_reading(name, now, then, limits) for name in names]


def _reading(name: str, now: pl.DataFrame, then: pl.DataFrame, limits: MonitorsSettings) -> Reading:
    values = now[name].drop_nulls()
    if len(values) < limits.min_rows:
        return not_measured(NAME, name, f"{len(values)} values on {last_date(now)}", n=len(values))
    share, earlier, limit = _share(values), _largest(then, name, limits.min_rows), limits.max_mode_rise
    if earlier is None:
        return not_measured(NAME, name, f"no date of {span(then)} has {limits.min_rows} values", n=len(values))
    detail = (
        f"{name}: one value fills {share:.1%} of {len(values)} on {last_date(now)}, at most {earlier:.1%} of a "
        f"date of {span(then)}; it may rise by {limit:.0%}."
    )
    return Reading(NAME, name, share - earlier, limit, len(values), is_bad=share - earlier > limit, detail=detail)


def _share(values: pl.Series) -> float:
    counts = values.value_counts()["count"]
    return float(counts.max()) / len(values)  # type: ignore[arg-type]  # of values that there are


def _largest(rows: pl.DataFrame, name: str, min_rows: int) -> float | None:
    """The largest share that one value has on a date with enough of them."""
    known = rows.filter(pl.col(name).is_not_null())
    shares = (
        known.group_by("game_date", name).len().group_by("game_date")
        .agg(pl.col("len").max() / pl.col("len").sum(), n=pl.col("len").sum())
        .filter(pl.col("n") >= min_rows)
    )  # fmt: skip
    return None if shares.is_empty() else float(shares["len"].max())  # type: ignore[arg-type]
