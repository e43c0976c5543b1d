"""Trees under absolute error: the median, stopped early, one rounding."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xgboost

from systems.base import Rows, System
from systems.xgboost import FILE


def test_it_beats_the_column_that_it_is_given(xgboost_system: System, tune: Rows) -> None:
    """A world of gamma skills and Poisson counts: the trees see through noise and missing values."""
    naive = np.where(np.isnan(tune.matrix[:, 0]), np.nanmedian(tune.matrix[:, 0]), tune.matrix[:, 0])
    error = np.abs(xgboost_system.predict(tune.matrix) - tune.target).mean()
    assert error < np.abs(naive - tune.target).mean() - 0.1


def test_it_estimates_the_median(xgboost_system: System, tune: Rows) -> None:
    above = (tune.target > xgboost_system.predict(tune.matrix)).mean()
    assert 0.44 < above < 0.56


def test_only_the_trees_up_to_the_best_round_are_kept(fitted: Callable[..., System], tune: Rows) -> None:
    system = fitted("xgboost", n_estimators=400, learning_rate=0.3, early_stopping_rounds=5)
    curve = system.learning_curve
    assert len(curve) < 400
    kept = np.abs(system.predict(tune.matrix) - tune.target).mean()
    assert kept == pytest.approx(min(curve), abs=1e-5)


def test_parallel_trees_are_grown_in_every_round_and_kept_up_to_the_best(
    fitted: Callable[..., System], tune: Rows, tmp_path: Path
) -> None:
    system = fitted("xgboost", num_parallel_tree=3, n_estimators=400, learning_rate=0.3, early_stopping_rounds=5)
    n_rounds = int(np.argmin(system.learning_curve)) + 1
    kept = np.abs(system.predict(tune.matrix) - tune.target).mean()
    assert kept == pytest.approx(min(system.learning_curve), abs=1e-5)
    system.save(tmp_path)
    trees = json.loads(xgboost.Booster(model_file=tmp_path / FILE).save_raw("json"))
    assert len(trees["learner"]["gradient_booster"]["model"]["trees"]) == 3 * n_rounds
    parts = system.contributions(tune.matrix)
    assert parts.base + parts.by_feature.sum(axis=1) == pytest.approx(system.predict(tune.matrix), abs=1e-3)


def test_another_seed_gives_other_trees(train: Rows, tune: Rows, fitted: Callable[..., System]) -> None:
    one, other = fitted("xgboost", subsample=0.5), fitted("xgboost", subsample=0.5)
    other.fit(train, tune, features=one.features_used, target="points", seed=8)
    assert not np.array_equal(one.predict(tune.matrix), other.predict(tune.matrix))


def test_the_number_of_fitting_threads_changes_no_bit(fitted: Callable[..., System], tune: Rows) -> None:
    one, two = (fitted("xgboost", nthread=n, subsample=0.7, colsample_bytree=0.5) for n in (1, 2))
    assert np.array_equal(one.predict(tune.matrix), two.predict(tune.matrix))


def test_two_doubles_that_are_one_float32_get_one_prediction(xgboost_system: System) -> None:
    row = np.full((1, len(xgboost_system.features_used)), 12.3)
    near = row.astype(np.float32).astype(np.float64)
    assert xgboost_system.predict(row)[0] == xgboost_system.predict(near)[0]


def test_a_value_beyond_float32_is_refused(xgboost_system: System) -> None:
    with pytest.raises(ValueError, match="points_avg_last_10 is beyond"):
        xgboost_system.predict(
            np.where(np.array(xgboost_system.features_used) == "points_avg_last_10", 1e39, 1.0)[None, :]
        )


def test_empty_blocks_are_refused(xgboost_system: System, train: Rows) -> None:
    nothing = Rows(np.empty((0, train.matrix.shape[1])), np.empty(0), np.empty(0, dtype="datetime64[D]"))
    with pytest.raises(ValueError, match="neither may be empty"):
        xgboost_system.fit(train, nothing, features=xgboost_system.features_used, target="points", seed=7)


@pytest.mark.parametrize(
    ("matrix", "target"),
    [(np.zeros((2, 1)), np.zeros(3)), (np.full((1, 1), np.inf), np.zeros(1)), (np.zeros((1, 1)), np.array([np.nan]))],
)
def test_rows_that_cannot_be_learnt_from_are_refused(matrix: np.ndarray, target: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"fit|missing|infinite"):
        Rows(matrix, target, np.full(len(matrix), np.datetime64("2024-01-01")))
