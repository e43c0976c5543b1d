"""The evidence a gate decides on: champion, challenger, baselines and results as arrays over the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from contracts.metrics import Floats

Dates = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Contender:
    """A version and what it predicts for the evidence's rows.

    `name` as people read it ('version 3 (xgboost)'); `predictions` float64 in the target's unit, NaN where it gives
    none; `estimates` 'median' or 'mean'; `train_to` the last date it has seen, tuning included (None: nothing fitted).

    Raises ValueError for another word in `estimates`.
    """

    name: str
    system: str
    predictions: Floats
    estimates: str
    train_to: date | None

    def __post_init__(self) -> None:
        if self.estimates not in ("median", "mean"):
            raise ValueError(f"{self.name} estimates {self.estimates!r}: 'median' or 'mean' is meant")


@dataclass(frozen=True)
class FeatureFacts:
    """What the challenger's features are, told by whoever gathers the evidence.

    `set_hash` is the hash it was trained on, `declared_hash` that of the set as it is declared now (None: no set of
    that name); `stale` says why the rows' build is stale (None: it is current); `absent` are the features it lacks.
    """

    feature_set: str
    set_hash: str
    declared_hash: str | None
    stale: str | None
    absent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Arrays of one length N over the same player-games.

    `dates` datetime64[D]; `actual` what happened, float64, finite; `baselines` predictions by the baseline's system
    name; `line` the line known at the cut-off, NaN where none; `champion` None where nothing is in Production.
    `population` and `build_id` say what the rows are.

    Raises ValueError for arrays of unequal length, a result that is not finite, an infinite prediction.
    """

    population: str
    build_id: int
    dates: Dates
    actual: Floats
    challenger: Contender
    champion: Contender | None
    baselines: Mapping[str, Floats]
    line: Floats
    features: FeatureFacts

    def __post_init__(self) -> None:
        arrays = {"dates": self.dates, "actual": self.actual, "line": self.line, **self._predictions()}
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the evidence is not about the same rows: {lengths}")
        if not np.isfinite(self.actual).all():
            raise ValueError("a result is not finite: rows that were not played are no evidence")
        infinite = [name for name, array in self._predictions().items() if np.isinf(array).any()]
        if infinite:
            raise ValueError(f"infinite predictions of {', '.join(infinite)}")

    @property
    def n_rows(self) -> int:
        """How many player-games it is about."""
        return len(self.actual)

    def _predictions(self) -> dict[str, Floats]:
        named = {f"baseline {name}": predictions for name, predictions in self.baselines.items()}
        if self.champion is not None:
            named["champion"] = self.champion.predictions
        return named | {"challenger": self.challenger.predictions}


def scope(evidence: Evidence, rows: npt.NDArray[np.bool_] | None = None) -> str:
    """What a figure over `rows` (default all) is about: '9,120 rows of played on 158 dates FROM to TO, build 4'."""
    dates = evidence.dates if rows is None else evidence.dates[rows]
    if len(dates) == 0:
        return f"0 rows of {evidence.population}, build {evidence.build_id}"
    n_dates = len(np.unique(dates))
    span = f"{dates.min()} to {dates.max()}" if n_dates > 1 else f"{dates.min()}"
    days = "date" if n_dates == 1 else "dates"
    return f"{len(dates):,} rows of {evidence.population} on {n_dates:,} {days} {span}, build {evidence.build_id}"
