"""Whoever watches a fit hears of every round and may end it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from systems.base import Rows, StopFitting, System
from systems.catalog import create_system

BOOSTERS = {
    "xgboost": {"n_estimators": 30, "max_depth": 3, "nthread": 1},
    "catboost": {"iterations": 30, "depth": 3, "thread_count": 1},
}


@pytest.fixture(params=BOOSTERS)
def booster(request: pytest.FixtureRequest) -> System:
    return create_system(request.param, parameters=BOOSTERS[request.param])


@pytest.fixture
def fit(train: Rows, tune: Rows) -> Callable[[System], None]:
    """fit(system): on the rows that all systems are tested on."""
    features = [f"column_{place}" for place in range(train.matrix.shape[1])]
    return lambda system: system.fit(train, tune, features=features, target="points", seed=1)


def test_every_round_is_told_with_the_error_that_the_learning_curve_keeps(
    booster: System, fit: Callable[[System], None]
) -> None:
    told: list[tuple[int, float]] = []
    booster.watch = lambda n_rounds, mae: told.append((n_rounds, mae))
    fit(booster)
    assert told == list(enumerate(booster.learning_curve, start=1))
    assert len(told) > 5


def test_a_watcher_ends_the_fit_at_once(booster: System, fit: Callable[[System], None]) -> None:
    told: list[int] = []

    def stop_at_third(n_rounds: int, mae: float) -> None:
        told.append(n_rounds)
        if n_rounds == 3:
            raise StopFitting("enough")

    booster.watch = stop_at_third
    with pytest.raises(StopFitting, match="enough"):
        fit(booster)
    assert told == [1, 2, 3]


def test_a_watched_fit_is_the_same_fit(booster: System, fit: Callable[[System], None], tune: Rows) -> None:
    other = create_system(booster.name, parameters=BOOSTERS[booster.name])
    booster.watch = lambda n_rounds, mae: None
    fit(booster)
    fit(other)
    assert (booster.predict(tune.matrix) == other.predict(tune.matrix)).all()
