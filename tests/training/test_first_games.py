"""A player without a game yet this season: every system that predicts him stays near what such players score."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.database import open_database
from contracts.settings import TrainingSettings, load_settings
from features.feature_sets import load_feature_set
from systems.catalog import create_system, system_names
from training.dataset import Dataset, load_dataset
from training.steps import fit, settle

QUICK: dict[str, dict[str, Any]] = {
    "xgboost": {"n_estimators": 60, "max_depth": 3, "min_child_weight": 10, "learning_rate": 0.1, "nthread": 1},
    "catboost": {"iterations": 200, "thread_count": 1},
    "perceptron": {"n_networks": 2},
    "ensemble": {"members": {"perceptron": {"n_networks": 2}, "catboost": {"iterations": 100, "thread_count": 1}}},
}
SECOND_SEASON = date(2023, 10, 1)

FURTHEST = 2.0
"""Points between the mean prediction and the mean result. Medians of skewed counts lie 0 to 1.6 below their mean here;
trees that never saw such a row lie 2.9 above it."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, make_league: Callable[..., Path]) -> Dataset:
    """Two simulated seasons, the second of which is not learned from."""
    engine = open_database(f"sqlite:///{make_league(tmp_path_factory.mktemp('two'), n_seasons=2)}")
    made = load_dataset(engine, load_feature_set("v2_33features"), load_settings(), population="played")
    engine.dispose()
    return made


def first_games(dataset: Dataset, system: str, besides: tuple[str, ...] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Prediction (NaN: none) and result of every second season's first game; `besides` replaces what it learns from."""
    made = create_system(system, parameters=QUICK.get(system, {}))
    if besides is not None:
        made.learns_besides = besides
    prepared = settle(dataset, made, TrainingSettings(min_coverage=0.0), {"val_from": SECOND_SEASON})
    fit(prepared)
    rows = prepared.validation & (dataset.frame["n_active_games_season"].to_numpy() == 0)
    return made.predict(dataset.matrix(prepared.features)[rows]), dataset.frame["target"].to_numpy()[rows]


@pytest.mark.parametrize("system", system_names())
def test_what_is_said_of_a_first_game_is_near_its_results(dataset: Dataset, system: str) -> None:
    predicted, actual = first_games(dataset, system)
    known = np.isfinite(predicted)
    assert len(actual) > 50
    if system == "season_average":
        assert not known.any(), "an average of no games is none"
        return
    assert known.sum() > 20
    assert abs(predicted[known].mean() - actual[known].mean()) < FURTHEST
    constant = np.abs(actual[known] - np.median(actual[known])).mean()
    assert np.abs(predicted - actual)[known].mean() < constant, "knowing nothing of him would be better"


def test_trees_that_never_lacked_the_season_s_average_would_go_astray(dataset: Dataset) -> None:
    """The fault that the test above must see: learning from `played` alone, whose rows all have that average."""
    predicted, actual = first_games(dataset, "xgboost", besides=())
    assert predicted.mean() - actual.mean() > FURTHEST


def test_rows_learned_from_besides_the_population_are_those_of_before_validation_alone(dataset: Dataset) -> None:
    prepared = settle(dataset, create_system("xgboost"), TrainingSettings(min_coverage=0.0), {})
    learned = prepared.learnable(prepared.split.train, prepared.split.tune)
    early = learned & ~dataset.in_population
    assert early.any()
    assert set(dataset.frame.filter(early)["n_active_games_season"]) == {0, 1, 2, 3, 4}
    assert dataset.dates[learned].max() < dataset.dates[prepared.validation].min()
    assert not prepared.block(prepared.split.train)[early].any()
