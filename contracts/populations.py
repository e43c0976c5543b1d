"""Populations: which player-games a number is about, as expressions over the feature table's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

NAMES = ("played", "early", "rotation", "lined", "expected")

LINE_TARGET = "points"
"""What the column `line` is a line of: any other target has no lined rows."""

LINE_AVERAGES = {
    "season_average": f"{LINE_TARGET}_avg_season",
    "last_10_average": f"{LINE_TARGET}_avg_last_10",
}
"""The plain guesses of that target, and the features that say them."""

TIERS = ("bench", "role", "starter", "star")
"""By predicted points: under 8, 8 to under 15, 15 to under 22, 22 and more; any other target has no tiers."""
TIER_EDGES = (8.0, 15.0, 22.0)


def tier(predicted: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """The place in TIERS of each prediction, points (n,), none of them NaN."""
    import numpy as np

    return np.searchsorted(TIER_EDGES, predicted, side="right")


def population(name: str) -> pl.Expr:
    """The rows of population `name` (spec: minutes > 0 and 5 or more active games before it this season, ...).

    Columns used: state, is_expected, n_active_games_season, minutes_avg_last_10_active, line.
    Raises UsageError for an unknown name.
    """
    import polars as pl

    active = pl.col("state") == "played"
    played = active & (pl.col("n_active_games_season") >= 5)
    rows = {
        "played": played,
        "early": active & (pl.col("n_active_games_season") < 5),
        "rotation": played & (pl.col("minutes_avg_last_10_active").round(9) >= 15),
        "lined": played & pl.col("line").is_not_null(),
        "expected": pl.col("is_expected"),
    }
    if name not in rows:
        raise UsageError(f"{name!r} is not a population.", remedy=f"Choose one of {', '.join(NAMES)}.")
    return rows[name]
