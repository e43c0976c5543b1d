"""A few rows walked through all trees at once come out with XGBoost's own bits, or the trees are not walked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from systems.xgboost import WALKED_ROWS, XGBoost
from systems.xgboost_dense import predict_dense
from systems.xgboost_walk import proven_trees


def grow(seed: int = 7, n_features: int = 6, rounds: int = 30, **options: Any) -> xgboost.Booster:
    """Trees over normal values, a fifth of them missing, several to a round."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(800, n_features)).astype(np.float32)
    matrix[random.random(matrix.shape) < 0.2] = np.nan
    target = np.nan_to_num(matrix).sum(axis=1) + random.normal(size=800)
    told = {"objective": "reg:absoluteerror", "num_parallel_tree": 3, "subsample": 0.7, "seed": seed, "nthread": 1}
    return xgboost.train(told | options, xgboost.DMatrix(matrix, target), num_boost_round=rounds)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    n_features=st.integers(1, 8),
    rounds=st.integers(1, 40),
    depth=st.integers(1, 9),
    n_rows=st.integers(1, 9),
)
def test_every_row_has_the_bits_of_xgboost(seed: int, n_features: int, rounds: int, depth: int, n_rows: int) -> None:
    booster = grow(seed, n_features, rounds, max_depth=depth)
    trees = proven_trees(booster)
    assert trees is not None
    random = np.random.default_rng(seed)
    matrix = (random.normal(size=(n_rows, n_features)) * 2).astype(np.float32)
    matrix[random.random(matrix.shape) < 0.3] = np.nan
    assert trees.predict(matrix).tobytes() == predict_dense(booster, matrix).tobytes()


def test_a_tree_that_is_a_single_leaf_is_walked_in_no_step() -> None:
    trees = proven_trees(grow(gamma=1e9, rounds=3))
    assert trees is not None
    assert trees.depth == 0


@pytest.mark.parametrize("options", [{"booster": "dart"}, {"booster": "gblinear"}, {"objective": "count:poisson"}])
def test_other_kinds_of_booster_are_left_to_xgboost(options: dict[str, str]) -> None:
    matrix = np.abs(np.random.default_rng(7).normal(size=(200, 2)))
    booster = xgboost.train({**options, "nthread": 1}, xgboost.DMatrix(matrix, matrix[:, 0]), num_boost_round=2)
    assert proven_trees(booster) is None


def test_trees_that_give_other_bits_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def off(booster: Any, matrix: Any) -> Any:
        return np.nextafter(predict_dense(booster, matrix), np.inf)

    monkeypatch.setattr("systems.xgboost_walk.predict_dense", off)
    assert proven_trees(grow()) is None


def test_a_loaded_system_answers_a_row_alone_as_among_others(tmp_path: Any, xgboost_system: Any, tune: Any) -> None:
    xgboost_system.save(tmp_path)
    loaded = XGBoost.load(tmp_path)
    together = loaded.predict(tune.matrix[:50])
    assert loaded._trees is not None
    for n in range(1, WALKED_ROWS + 2):
        assert loaded.predict(tune.matrix[:n]).tobytes() == together[:n].tobytes()
