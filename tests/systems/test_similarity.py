"""similarity: the nearest rows' median, found exactly and in time."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from contracts.errors import UsageError
from systems.base import Rows, System
from systems.catalog import create_system
from systems.similarity import Similarity, _row_medians

FEATURES = ["points_avg_last_5", "points_avg_last_10"]


def fitted_on(matrix: list[list[float]], target: list[float], **parameters: object) -> Similarity:
    system = create_system("similarity", parameters={"others": [], **parameters})
    dates = np.datetime64("2024-01-01") + np.arange(len(target))
    rows = Rows(np.array(matrix, dtype=float), np.array(target, dtype=float), dates)
    system.fit(rows, rows, features=FEATURES[: rows.matrix.shape[1]], target="points", seed=7)
    assert isinstance(system, Similarity)
    return system


def test_one_neighbour_is_the_nearest_row() -> None:
    system = fitted_on([[5.0], [10.0], [20.0]], [4.0, 12.0, 25.0], n_neighbours=1)
    np.testing.assert_array_equal(system.predict(np.array([[6.0], [12.0], [99.0]])), [4, 12, 25])


def test_all_neighbours_at_one_distance_give_the_plain_median() -> None:
    system = fitted_on([[5.0], [5.0], [5.0], [5.0]], [1.0, 2.0, 4.0, 9.0])
    assert system.predict(np.array([[5.0]]))[0] == pytest.approx(3.0)


def test_the_weighted_median_by_hand() -> None:
    """Weights 1, 1, 2: their middles lie at 1/8, 3/8 and 3/4 of the whole; a half is a third of the way from 2 to 6."""
    medians = _row_medians(np.array([[6.0, 1.0, 2.0]]), np.array([[2.0, 1.0, 1.0]]))
    np.testing.assert_allclose(medians, [2 + 4 / 3])


def test_a_missing_value_is_at_the_median_of_training() -> None:
    system = fitted_on([[5.0, 5.0], [10.0, 10.0], [20.0, 20.0]], [4.0, 12.0, 25.0], n_neighbours=1)
    rows = np.array([[9.0, np.nan], [9.0, 10.0], [np.nan, np.nan]])
    predicted = system.predict(rows)
    assert predicted[0] == predicted[1]
    assert np.isnan(predicted[2])


def test_only_the_latest_rows_are_kept() -> None:
    system = fitted_on([[5.0], [10.0], [20.0]], [4.0, 12.0, 25.0], n_neighbours=1, most_recent=2)
    assert system.predict(np.array([[5.0]]))[0] == 12


def test_a_column_that_tells_nothing_keeps_nobody_apart() -> None:
    draw = np.random.default_rng(1)
    skill = draw.uniform(0, 30, 500)
    noise = draw.permutation(np.repeat([-50.0, 50.0], 250))
    system = fitted_on(np.stack([skill, noise], axis=1).tolist(), skill.tolist(), n_neighbours=5)
    near, far = system.predict(np.array([[12.0, -50.0], [12.0, 50.0]]))
    assert near == pytest.approx(12, abs=0.8)
    assert far == pytest.approx(12, abs=0.8)


def test_it_estimates_the_median(fitted: Callable[..., System], columns_of: Callable[..., np.ndarray], tune: Rows):
    system = fitted("similarity")
    predicted = system.predict(columns_of(system, tune))
    known = np.isfinite(predicted)
    assert 0.44 < (tune.target[known] > predicted[known]).mean() < 0.56


def test_a_slate_takes_little_time_with_100_000_training_rows() -> None:
    """250 rows in under 0.15 s of processor time."""
    draw = np.random.default_rng(1)
    skill = draw.gamma(3, 4, 100_000)[:, None]
    matrix = np.hstack([skill + draw.normal(0, 1, (100_000, 3)), draw.normal(0, 1, (100_000, 4))])
    dates = np.datetime64("2023-01-01") + np.arange(100_000) // 250
    features = ["points_avg_last_5", "points_avg_last_10", "points_avg_season"]
    features += ["minutes_avg_last_10", "ppm_avg_last_10", "opponent_def_rating", "pace_score"]
    rows = Rows(matrix, draw.poisson(skill[:, 0]).astype(float), dates)
    system = create_system("similarity")
    system.fit(rows, rows, features=features, target="points", seed=7)
    started = time.process_time()
    system.predict(matrix[-250:])
    assert time.process_time() - started < 0.15


def test_without_form_it_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="similarity needs one of points_avg_last_5"):
        create_system("similarity").choose_features(["home_away", "minutes_avg_last_10"], "points")
