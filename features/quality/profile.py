"""What the report draws: each feature's figures and shape, the populations, every date's slate."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from contracts.feature_set import FeatureSet
from features.quality.reference import Reference
from features.quality.slates import shares

N_BARS = 20
MOST_ROWS = 10_000
"""A shape needs no more."""


def profile(
    rows: pl.DataFrame, feature_set: FeatureSet, reference: Reference | None, slate: pl.DataFrame
) -> dict[str, Any]:
    """Plain values: n_rows, reference (what is compared with), features, populations, dates.

    features: name -> NULL share, minimum, median, maximum, and two histograms over the same edges (shares of the
    values; `then` only with a reference). populations: name -> share now and then. dates: columns of `slate`.
    """
    old = reference.old if reference else None
    populations = {"now": rows, "then": rows.clear() if old is None else old}
    return {
        "n_rows": rows.height,
        "reference": reference and {"kind": reference.kind, "n_rows": reference.old.height, **_span(reference.old)},
        **_span(rows),
        "features": _features(rows, old, feature_set.names),
        "populations": {
            side: {name: _short(share) for name, share in shares(frame).items()} if frame.height else {}
            for side, frame in populations.items()
        },
        "dates": {
            "game_date": [day.isoformat() for day in slate["game_date"]],
            **{name: slate[name].to_list() for name in ("n_teams", "n_rows", "n_expected", "n_played", "n_both")},
        },
    }


def _features(rows: pl.DataFrame, old: pl.DataFrame | None, names: list[str]) -> dict[str, dict[str, Any]]:
    """Figures over all rows; shapes over every k-th row, MOST_ROWS at most."""
    figures = {
        figure: rows.select(getattr(pl.col(names), figure)()).row(0, named=True)
        for figure in ("null_count", "min", "median", "max")
    }
    drawn = rows.gather_every(max(1, rows.height // MOST_ROWS))
    told: dict[str, dict[str, Any]] = {}
    for name in names:
        told[name] = {"nulls": _short(figures["null_count"][name] / max(rows.height, 1))}
        known = {figure: figures[figure][name] for figure in ("min", "median", "max")}
        told[name] |= {figure: _short(value) for figure, value in known.items() if value is not None}
        if old is not None:
            told[name]["nulls_then"] = _short(old[name].null_count() / max(old.height, 1))
        told[name] |= _shape(drawn[name], None if old is None else old[name])
    return told


def _shape(now: pl.Series, then: pl.Series | None) -> dict[str, Any]:
    """Shares of the values in N_BARS bars from the 0.5 % to the 99.5 % quantile, now and then."""
    sides = {"now": now, "then": then}
    values = {side: v.drop_nulls().to_numpy() for side, v in sides.items() if v is not None and v.null_count() < len(v)}
    if "now" not in values:
        return {}
    ends = np.concatenate([np.quantile(of_side, [0.005, 0.995]) for of_side in values.values()])
    low, high = float(ends.min()), float(ends.max())
    edges = np.linspace(low, high, N_BARS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    shape: dict[str, Any] = {"edges": [_short(low), _short(high)]}
    for side, of_side in values.items():
        counts, _ = np.histogram(np.clip(of_side, edges[0], edges[-1]), edges)
        shape[side] = [round(share, 4) for share in (counts / len(of_side)).tolist()]
    return shape


def _span(rows: pl.DataFrame) -> dict[str, Any]:
    if rows.is_empty():
        return {"date_from": None, "date_to": None}
    return {"date_from": str(rows["game_date"].min()), "date_to": str(rows["game_date"].max())}


def _short(value: Any) -> float:
    return float(f"{float(value):.5g}")
