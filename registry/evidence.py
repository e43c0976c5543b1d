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
    none; `estimates` 'median' or 'mean'; `train_to` the last date it has seen, tuning included (None: nothing fitted);
    `low` and `high` the ends of its 80 % intervals, where they are asked for.

    Raises ValueError for another word in `estimates`.
    """

    name: str
    system: str
    predictions: Floats
    estimates: str
    train_to: date | None
    low: Floats | None = None
    high: Floats | None = None

    def __post_init__(self) -> None:
        if self.estimates not in ("median", "mean"):
            raise ValueError(f"{self.name} estimates {self.estimates!r}: 'median' or 'mean' is meant")


@dataclass(frozen=True)
class Slice:
    """A tier or another population: its own rows, of one length, results finite; NaN where a version gives none.

    A tier is told by the mean of both versions' predictions, so that neither chooses its own rows.
    """

    name: str
    dates: Dates
    actual: Floats
    challenger: Floats
    champion: Floats


@dataclass(frozen=True)
class Alone:
    """The rows, of whatever population, that only the challenger predicts: the champion does not, or no average does.

    `guess` is what a plain guess from the past would have said, NaN where the past is too short for one; `told` says in
    words what it is.
    """

    dates: Dates
    actual: Floats
    challenger: Floats
    guess: Floats
    told: str


@dataclass(frozen=True)
class Evidence:
    """Arrays of one length N over the same player-games.

    `dates` datetime64[D]; `actual` what happened, float64, finite; `baselines` predictions by the baseline's system
    name; `line` the line known at the cut-off, NaN where none; `champion` None where nothing is in Production.
    `population` and `build_id` say what the rows are; `known_dates` holds the date of every row of that population in
    the build, those that a version was trained on included; `slices` are held against the champion one by one, `alone`
    against a plain guess; `attempt` says how many challengers this champion has met, this one included.

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
    known_dates: Dates
    stale: str | None = None
    slices: tuple[Slice, ...] = ()
    alone: Alone | None = None
    attempt: int = 1

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
        ends = {"low": self.challenger.low, "high": self.challenger.high}
        named |= {name: end for name, end in ends.items() if end is not None}
        if self.champion is not None:
            named["champion"] = self.champion.predictions
        return named | {"challenger": self.challenger.predictions}


def scope(evidence: Evidence, rows: npt.NDArray[np.bool_] | None = None) -> str:
    """What a figure over `rows` (default all) is about: '9,120 rows of played on 158 dates FROM to TO, build 4'."""
    dates = evidence.dates if rows is None else evidence.dates[rows]
    return tell_scope(dates, evidence.population, evidence.build_id)


def tell_scope(dates: Dates, population: str, build_id: int) -> str:
    """The same for any rows."""
    if len(dates) == 0:
        return f"0 rows of {population}, build {build_id}"
    n_dates = len(np.unique(dates))
    span = f"{dates.min()} to {dates.max()}" if n_dates > 1 else f"{dates.min()}"
    days = "date" if n_dates == 1 else "dates"
    return f"{len(dates):,} rows of {population} on {n_dates:,} {days} {span}, build {build_id}"
