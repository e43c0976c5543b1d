"""How far two samples are apart, and whether chance says so too; pure functions of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import stats

from features.quality.statistics import N_BINS, population_stability_index

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """PSI over the earlier deciles, and the two-sample Kolmogorov-Smirnov distance with its chance if nothing shifted.

    `psi_by_chance` is twice what PSI of two equal samples of these sizes is on average, (bins - 1)(1/n + 1/m).
    """

    psi: float
    psi_by_chance: float
    distance: float
    p_value: float
    n_now: int
    n_then: int

    @classmethod
    def of(cls, now: Floats, then: Floats) -> Shift:
        """Of two samples of independent values, neither empty, without NaN.

        Sources: PSI, Siddiqi (2006), its mean by chance, Yurdakul (2018); Kolmogorov-Smirnov, scipy.stats.ks_2samp.
        """
        tested = stats.ks_2samp(now, then)
        return cls(
            psi=population_stability_index(then, now),
            psi_by_chance=2 * (N_BINS - 1) * (1 / len(now) + 1 / len(then)),
            distance=float(tested.statistic),
            p_value=float(tested.pvalue),
            n_now=len(now),
            n_then=len(then),
        )


def adjusted(p_values: Sequence[float]) -> list[float]:
    """The p values by Benjamini-Hochberg: calling those under a level bad keeps the share of false ones under it.

    Source: Benjamini and Hochberg (1995), by scipy.stats.false_discovery_control.
    """
    return [float(p) for p in stats.false_discovery_control(p_values)] if p_values else []


def newest_of_each(rows: pl.DataFrame, columns: Sequence[str], key: str = "player_id") -> dict[str, Floats]:
    """The newest known value of each column for each `key`: rows of one player say much the same, and count as one."""
    ordered = rows.sort("game_date", "game_id", "player_id")
    newest = ordered.group_by(key, maintain_order=True).agg(pl.col(columns).drop_nulls().last().cast(pl.Float64))
    return {name: newest[name].drop_nulls().to_numpy() for name in columns}


def span(rows: pl.DataFrame) -> str:
    """'7 dates 2024-03-01 to 2024-03-07'."""
    days = rows["game_date"].unique().sort().to_list()
    return f"{len(days)} dates {days[0]} to {days[-1]}" if days else "no dates"


def last_date(rows: pl.DataFrame) -> date:
    """The latest game_date of `rows`, which are not empty."""
    day: date = rows["game_date"].max()  # type: ignore[assignment]  # of a Date column
    return day
