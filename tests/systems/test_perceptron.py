"""perceptron: bends with what it sees, says the median, and takes nothing from a column that says nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import RefusedError
from systems.base import Rows
from systems.catalog import create_system
from systems.perceptron import FURTHEST, Perceptron

SMALL = {"n_networks": 2, "n_hidden": 16, "epochs": 30, "learning_rate": 0.01, "batch_size": 64, "dropout": 0.0}


def fitted(matrix: np.ndarray, target: np.ndarray, **parameters: object) -> Perceptron:
    system = create_system("perceptron", parameters=SMALL | parameters)
    assert isinstance(system, Perceptron)
    dates = np.datetime64("2024-01-01") + np.arange(len(target)) // 20
    features = [f"column_{place}" for place in range(matrix.shape[1])]
    system.fit(*[Rows(matrix, target, dates)] * 2, features=features, target="points", seed=3)
    return system


def test_it_bends_where_the_result_does() -> None:
    x = np.random.default_rng(1).uniform(-2, 2, (3000, 1))
    system = fitted(x, 10 * np.abs(x[:, 0]))
    asked = np.array([[-1.5], [-0.75], [0.75], [1.5]])
    np.testing.assert_allclose(system.predict(asked), [15, 7.5, 7.5, 15], atol=1.0)


def test_of_a_skewed_result_it_says_the_median() -> None:
    draw = np.random.default_rng(2)
    system = fitted(draw.normal(0, 1, (4000, 1)), draw.exponential(10, 4000), weight_decay=1.0)
    assert np.median(system.predict(np.zeros((1, 1)))) == pytest.approx(10 * np.log(2), rel=0.1)


def test_a_missing_value_counts_as_the_mean_and_a_far_one_as_the_furthest() -> None:
    x = np.random.default_rng(3).normal(0, 1, (2000, 1))
    system = fitted(x, np.maximum(20 + 5 * x[:, 0], 0))
    mean, spread = x.mean(), x.std()
    missing, far = system.predict(np.array([[np.nan], [1e6]]))
    assert missing == pytest.approx(system.predict(np.array([[mean]]))[0])
    assert far == pytest.approx(system.predict(np.array([[mean + FURTHEST * spread]]))[0])


@pytest.mark.parametrize("nothing", [7.3, np.nan])
def test_a_column_that_is_constant_or_empty_in_training_moves_nothing_later(nothing: float) -> None:
    x = np.random.default_rng(4).normal(0, 1, 500)
    system = fitted(np.stack([x, np.full(500, nothing)], axis=1), np.abs(x), epochs=2)
    one, other = system.predict(np.array([[0.5, 7.3], [0.5, 900.0]]))
    assert one == other


def test_it_never_says_less_than_nothing() -> None:
    x = np.random.default_rng(5).normal(0, 1, (1000, 1))
    system = fitted(x, np.maximum(np.round(3 * x[:, 0]), 0))
    assert system.predict(np.linspace(-9, 9, 50)[:, None]).min() >= 0


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    system = fitted(np.random.default_rng(6).normal(0, 1, (200, 2)), np.ones(200), epochs=1)
    system.save(tmp_path)
    path = tmp_path / "perceptron.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps(kept | {"offset": [*kept["offset"], 0.0]}))
    with pytest.raises(RefusedError, match="do not fit"):
        Perceptron.load(tmp_path)
