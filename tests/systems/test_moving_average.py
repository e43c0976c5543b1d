"""moving_average: form, pace and defence, each in its direction, and what is missing has no effect."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import UsageError
from systems.base import Rows
from systems.catalog import create_system
from systems.moving_average import FILE, MovingAverage

AVERAGES = ["points_avg_last_5", "points_avg_last_10", "points_avg_season"]
FEATURES = [*AVERAGES, "opponent_def_rating", "opponent_pace", "team_pace_last_10"]
NAN = np.nan


@pytest.fixture
def by_hand(tmp_path: Path) -> MovingAverage:
    """Weights 0.5, 0.3, 0.2; pace to the power 1, defence to 1/2; scale 0.9."""
    state = {"features": FEATURES, "averages": AVERAGES, "weights": [0.5, 0.3, 0.2]}
    state |= {"pace": 4, "defence": 2, "mean_defence": 100.0, "scale": 0.9}
    (tmp_path / FILE).write_text(json.dumps(state))
    return MovingAverage.load(tmp_path)


def test_the_formula_by_hand(by_hand: MovingAverage) -> None:
    """Form 0.5 x 20 + 0.3 x 10 + 0.2 x 15 = 16; pace (100 + 104) / 2 / 100 = 1.02; defence sqrt(121 / 100) = 1.1."""
    row = np.array([[20.0, 10.0, 15.0, 121.0, 104.0, 100.0]])
    assert by_hand.predict(row)[0] == pytest.approx(0.9 * 16 * 1.02 * 1.1)
    parts = by_hand.contributions(row).by_feature[0]
    expected = [0.9 * 10, 0.9 * 3, 0.9 * 3, 0.9 * 16 * 1.02 * 0.1, 0.9 * 16 * 0.02, 0]
    np.testing.assert_allclose(parts, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("values", "form"),
    [
        ([NAN, 10.0, 15.0], 0.6 * 10 + 0.4 * 15),
        ([20.0, NAN, NAN], 20.0),
        ([NAN, NAN, NAN], NAN),
    ],
)
def test_a_missing_average_leaves_its_weight_to_the_others(
    values: list[float], form: float, by_hand: MovingAverage
) -> None:
    row = np.array([[*values, 100.0, 100.0, 100.0]])
    assert by_hand.predict(row)[0] == pytest.approx(0.9 * form, nan_ok=True)


def test_a_factor_with_a_missing_part_is_1(by_hand: MovingAverage) -> None:
    rows = np.array([[10.0, 10.0, 10.0, NAN, 104.0, NAN], [10.0, 10.0, 10.0, NAN, NAN, 100.0]])
    np.testing.assert_allclose(by_hand.predict(rows), 9.0)


def test_a_weak_defence_and_a_fast_opponent_mean_more_points(by_hand: MovingAverage) -> None:
    usual, weak, fast = [*(10.0, 10.0, 10.0), 100.0, 100.0, 100.0], 118.0, 105.0
    rows = np.array([usual, usual, usual])
    rows[1, 3], rows[2, 4] = weak, fast
    points = by_hand.predict(rows)
    assert points[1] > points[0] < points[2]


def test_it_learns_weights_elasticities_and_scale() -> None:
    draw = np.random.default_rng(1)
    skill = draw.gamma(3, 4, 3000)[:, None]
    matrix = np.hstack(
        [skill + draw.normal(0, 1, (3000, 3)), draw.normal(110, 4, (3000, 1)), draw.normal(100, 3, (3000, 2))]
    )
    form = matrix[:, :3] @ [0.2, 0.3, 0.5]
    factors = (matrix[:, 4] + matrix[:, 5]) / 2 / matrix[:, 5] * np.sqrt(matrix[:, 3] / matrix[:, 3].mean())
    rows = Rows(matrix, 0.8 * form * factors, np.full(3000, np.datetime64("2024-01-01")))
    system = create_system("moving_average")
    system.fit(rows, rows, features=FEATURES, target="points", seed=7)
    assert isinstance(system, MovingAverage)
    fitted = system._fitted
    assert (fitted.pace, fitted.defence) == (4, 2)
    np.testing.assert_allclose(fitted.weights, [0.2, 0.3, 0.5], atol=0.03)
    assert fitted.scale == pytest.approx(0.8, abs=0.01)


def test_averages_that_the_rows_do_not_have_are_left_out_and_one_is_needed() -> None:
    system = create_system("moving_average")
    available = ["rebounds_avg_season", "points_avg_season", "opponent_pace"]
    assert system.choose_features(available, "rebounds") == ["rebounds_avg_season", "opponent_pace"]
    with pytest.raises(UsageError, match="needs one of assists_avg_last_5"):
        system.choose_features(available, "assists")
