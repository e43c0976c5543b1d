"""One trial: a system with the parameters to try, fitted and judged fold by fold, ended where it is hopeless."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from contracts.metrics import mean_absolute_error
from systems.base import StopFitting, System
from training.folds import Fold

LOOK_AT = 4.0
"""Rounds times learning rate at which a fit is looked at: the trees have then taken e^-4 off what they could take off.

At the same number of rounds a low rate would be held against one that has come much further.
"""

IsHopeless = Callable[[float, int], bool]
"""(value so far, step) -> whether the trial is worse than most were at that step."""


class Hopeless(Exception):
    """The trial is not worth its time."""


@dataclass(frozen=True)
class Judged:
    """Mean absolute error on each fold's test rows that could be predicted, and how many those are."""

    folds: list[float]
    n_rows: list[int]

    @property
    def value(self) -> float:
        """What a sweep minimizes: the mean over the folds."""
        return float(np.mean(self.folds))


def judge(
    make: Callable[[], System], folds: Sequence[Fold], *, target: str, seed: int, is_hopeless: IsHopeless
) -> Judged:
    """`make()` fitted on each fold and held against its test.

    Steps are 2 x fold within a fit (the system's own rounds), 2 x fold + 1 after it; the value at a step is the mean
    over the folds so far. Raises Hopeless where `is_hopeless` says so, ValueError where nothing can be predicted.
    """
    judged = Judged([], [])
    for number, fold in enumerate(folds):
        system = make()
        system.watch = _watcher(system.hyperparameters, judged.folds, 2 * number, is_hopeless)
        try:
            system.fit(fold.train, fold.tune, features=fold.features, target=target, seed=seed)
        except StopFitting as stop:
            raise Hopeless(f"in fold {number + 1}, {stop}") from stop
        point = system.predict(fold.test.matrix)
        known = ~np.isnan(point)
        if not known.any():
            raise ValueError(f"{system.name} predicts none of the {len(fold.test)} rows of {fold.split.validation}")
        judged.folds.append(mean_absolute_error(fold.test.target[known], point[known]))
        judged.n_rows.append(int(known.sum()))
        if number + 1 < len(folds) and is_hopeless(judged.value, 2 * number + 1):
            raise Hopeless(f"after fold {number + 1}")
    return judged


def _watcher(
    hyperparameters: Mapping[str, Any], before: list[float], step: int, is_hopeless: IsHopeless
) -> Callable[[int, float], None] | None:
    """Looks once, when the fit has come far enough; a system without a learning rate is left alone."""
    rate = hyperparameters.get("learning_rate")
    if rate is None:
        return None
    look_at = max(1, round(LOOK_AT / rate))

    def watch(n_rounds: int, tune_mae: float) -> None:
        if n_rounds == look_at and is_hopeless(float(np.mean([*before, tune_mae])), step):
            raise StopFitting(f"at round {n_rounds}")

    return watch
