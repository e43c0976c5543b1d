"""The prediction through XGBoost's C interface has the bits of its Python one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xgboost

from systems.xgboost_dense import predict_dense


@pytest.fixture(scope="module")
def booster() -> xgboost.Booster:
    """Trees with a choice for missing values, several a round."""
    random = np.random.default_rng(7)
    matrix = random.normal(size=(2000, 6))
    matrix[random.random(matrix.shape) < 0.2] = np.nan
    target = np.nan_to_num(matrix).sum(axis=1) + random.normal(size=2000)
    options = {"objective": "reg:absoluteerror", "num_parallel_tree": 3, "subsample": 0.7, "seed": 7, "nthread": 1}
    made = xgboost.train(options, xgboost.DMatrix(matrix, target), num_boost_round=30)
    made.set_param({"nthread": 1})
    return made


def rows(n: int) -> np.ndarray:
    random = np.random.default_rng(n)
    matrix = random.normal(size=(n, 6)).astype(np.float32)
    matrix[random.random(matrix.shape) < 0.3] = np.nan
    return matrix


@pytest.mark.parametrize("n", [1, 2, 100, 5000])
def test_it_gives_the_bits_of_inplace_predict_and_of_a_dmatrix(booster, n):
    matrix = rows(n)
    found = predict_dense(booster, matrix)
    assert found.dtype == np.float64
    assert found.astype(np.float32).tobytes() == booster.inplace_predict(matrix).tobytes()
    assert found.astype(np.float32).tobytes() == booster.predict(xgboost.DMatrix(matrix)).tobytes()


def test_threads_do_not_get_each_others_predictions(booster):
    blocks = [rows(n) for n in range(1, 60)]
    expected = [booster.inplace_predict(block) for block in blocks]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            for found, right in zip(
                pool.map(lambda block: predict_dense(booster, block), blocks), expected, strict=True
            ):
                assert found.astype(np.float32).tobytes() == right.tobytes()


@pytest.mark.parametrize("matrix", [np.zeros((3, 6)), np.asfortranarray(np.zeros((3, 6), np.float32)), rows(8)[::2]])
def test_a_matrix_of_another_layout_is_refused_not_misread(booster, matrix):
    with pytest.raises(ValueError, match="C-contiguous float32"):
        predict_dense(booster, matrix)


def test_a_matrix_of_too_few_features_is_an_error(booster):
    with pytest.raises((ValueError, xgboost.core.XGBoostError)):
        predict_dense(booster, np.ascontiguousarray(rows(4)[:, :5]))
