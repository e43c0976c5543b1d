"""Bets: what the side of the line that each prediction took would have won, at the prices that there were."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from contracts.metrics import interval_by_date
from contracts.odds import implied_probability


@dataclass(frozen=True)
class Mean:
    """A mean, the N behind it, and its bootstrap interval by game date (None for one date)."""

    value: float
    n: int
    ci95: tuple[float, float] | None


@dataclass(frozen=True)
class Bets:
    """Graded predictions against their lines; each figure has its own N, and is None where that is 0.

    `hit_rate` is of the bets that were won or lost, a push being neither. Of those that a price is known of:
    `hit_rate_priced`, and `break_even`, the mean probability at which those prices break even: the two are about the
    same bets. `profit` is per stake of 1, pushes included. `closing_line_value` is how far the line moved towards the
    prediction's side until tip-off, in points; above 0 the market came to agree.
    """

    n_pushes: int
    hit_rate: Mean | None
    hit_rate_priced: Mean | None
    break_even: Mean | None
    profit: Mean | None
    closing_line_value: Mean | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def sum_up(rows: pl.DataFrame) -> Bets:
    """The bets of graded rows: game_date, predicted, line, line_verdict, price, profit, closing_line. Pure."""
    verdict = pl.col("line_verdict")
    decided = rows.filter(verdict.is_in(["won", "lost"])).with_columns(hit=(verdict == "won").cast(pl.Float64))
    priced = decided.filter(pl.col("profit").is_not_null())
    implied = implied_probability(priced["price"].cast(pl.Float64).to_numpy())
    side = (pl.col("predicted") - pl.col("line")).sign()
    moved = rows.with_columns(moved=(pl.col("closing_line") - pl.col("line")) * side).filter(side != 0)
    return Bets(
        n_pushes=rows.filter(verdict == "push").height,
        hit_rate=_mean(decided, "hit"),
        hit_rate_priced=_mean(priced, "hit"),
        break_even=_mean(priced.with_columns(implied=pl.Series(implied, dtype=pl.Float64)), "implied"),
        profit=_mean(rows, "profit"),
        closing_line_value=_mean(moved, "moved"),
    )


def _mean(rows: pl.DataFrame, name: str) -> Mean | None:
    known = rows.filter(pl.col(name).is_not_null())
    if known.is_empty():
        return None
    values = known[name].cast(pl.Float64).to_numpy()
    return Mean(float(np.mean(values)), known.height, interval_by_date(values, known["game_date"].to_numpy()))
