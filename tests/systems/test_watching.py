"""Whoever watches a fit hears of every round and may end it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from systems.base import Rows, StopFitting, System
from systems.catalog import create_system

IN_ROUNDS = {
    "xgboost": {"n_estimators": 30, "max_depth": 3, "nthread": 1},
    "catboost": {"iterations": 30, "depth": 3, "thread_count": 1},
    "perceptron": {"n_networks": 2, "n_hidden": 4, "epochs": 8},
}


@pytest.fixture(params=IN_ROUNDS)
def system(request: pytest.FixtureRequest) -> System:
    return create_system(request.param, parameters=IN_ROUNDS[request.param])


@pytest.fixture
def fit(train: Rows, tune: Rows) -> Callable[[System], None]:
    """fit(system): on the rows that all systems are tested on."""
    features = [f"column_{place}" for place in range(train.matrix.shape[1])]
    return lambda system: system.fit(train, tune, features=features, target="points", seed=1)


def test_every_round_is_told_with_the_error_that_the_learning_curve_keeps(
    system: System, fit: Callable[[System], None]
) -> None:
    told: list[tuple[int, float]] = []
    system.watch = lambda n_rounds, mae: told.append((n_rounds, mae))
    fit(system)
    assert told == list(enumerate(system.learning_curve, start=1))
    assert len(told) > 5


def test_a_watcher_ends_the_fit_at_once(system: System, fit: Callable[[System], None]) -> None:
    told: list[int] = []

    def stop_at_third(n_rounds: int, mae: float) -> None:
        told.append(n_rounds)
        if n_rounds == 3:
            raise StopFitting("enough")

    system.watch = stop_at_third
    with pytest.raises(StopFitting, match="enough"):
        fit(system)
    assert told == [1, 2, 3]


def test_a_watched_fit_is_the_same_fit(system: System, fit: Callable[[System], None], tune: Rows) -> None:
    other = create_system(system.name, parameters=IN_ROUNDS[system.name])
    system.watch = lambda n_rounds, mae: None
    fit(system)
    fit(other)
    assert (system.predict(tune.matrix) == other.predict(tune.matrix)).all()
