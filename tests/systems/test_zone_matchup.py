"""zone_matchup: what is good for the shooter is never turned round."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.errors import UsageError
from systems.base import Rows
from systems.catalog import create_system
from systems.zone_matchup import ZoneMatchup

FEATURES = ["points_avg_last_10", "shot_zone_mismatch_score", "pace_score"]


def fitted(zone_effect: float) -> tuple[ZoneMatchup, np.ndarray]:
    """Results of exactly 0.9 x average + zone_effect x zone + 0.4 x pace."""
    draw = np.random.default_rng(1)
    matrix = np.stack([draw.gamma(3, 4, 500), draw.uniform(-10, 10, 500), draw.uniform(-3, 3, 500)], axis=1)
    rows = Rows(matrix, matrix @ [0.9, zone_effect, 0.4], np.full(500, np.datetime64("2024-01-01")))
    system = create_system("zone_matchup")
    assert isinstance(system, ZoneMatchup)
    system.fit(rows, rows, features=FEATURES, target="points", seed=7)
    return system, matrix


def test_it_finds_the_slopes_and_adds_them_up_by_hand() -> None:
    system, _ = fitted(0.2)
    np.testing.assert_allclose(system._fitted.slopes, [0.9, 0.2, 0.4], atol=1e-6)
    assert system.predict(np.array([[20.0, 5.0, -1.0]]))[0] == pytest.approx(18 + 1 - 0.4)


def test_a_score_that_seems_bad_for_the_shooter_gets_no_effect_rather_than_the_other_sign() -> None:
    system, _ = fitted(-0.2)
    assert system._fitted.slopes[1] == pytest.approx(0, abs=1e-9)


def test_a_missing_score_has_no_effect_and_without_the_average_there_is_no_prediction() -> None:
    system, _ = fitted(0.2)
    points = system.predict(np.array([[20.0, np.nan, np.nan], [np.nan, 5.0, 1.0]]))
    assert points[0] == pytest.approx(18)
    assert np.isnan(points[1])


def test_it_needs_the_average_and_a_score() -> None:
    system = create_system("zone_matchup")
    assert system.choose_features(["pace_score", "rebounds_avg_last_10"], "rebounds") == [
        "rebounds_avg_last_10",
        "pace_score",
    ]
    for available in (["rebounds_avg_last_10"], ["pace_score"]):
        with pytest.raises(UsageError, match="zone_matchup needs"):
            system.choose_features(available, "rebounds")
