"""Intervals cover what they claim, and probabilities are read off the results that were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from contracts.errors import UsageError
from contracts.populations import TIERS, tier
from systems.residuals import LEVELS, MAX_BANDS, fit_residuals


def world(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(actual, predicted): spread grows with the prediction."""
    draw = np.random.default_rng(seed)
    predicted = draw.gamma(3.0, 4.0, n)
    return draw.poisson(draw.gamma(4.0, predicted / 4)).astype(float), predicted


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_an_interval_covers_its_share_of_new_results_at_every_size_of_prediction(level: float) -> None:
    residuals = fit_residuals(*world(20_000, 1))
    actual, predicted = world(20_000, 2)
    low, high = residuals.interval(predicted, level)
    for part in (predicted < 6, (predicted >= 6) & (predicted < 14), predicted >= 14):
        covered = ((actual >= low) & (actual <= high))[part].mean()
        assert level - 0.03 < covered < level + 0.05  # counts: the ends themselves are hit


def test_the_probability_of_going_over_is_the_share_that_went_over() -> None:
    residuals = fit_residuals(*world(20_000, 1))
    actual, predicted = world(20_000, 2)
    for line in (4.5, 9.5, 14.5):
        near = np.abs(predicted - line) < 3
        expected = residuals.over_probability(predicted[near], np.full(near.sum(), line)).mean()
        assert abs((actual[near] > line).mean() - expected) < 0.03


def test_a_priced_line_has_the_probability_above_it_that_its_price_says() -> None:
    residuals = fit_residuals(*world(20_000, 1))
    line, over = np.array([4.5, 9.5, 14.5, 24.5, 24.5]), np.array([0.5, 0.4, 0.55, 0.3, np.nan])
    quantiles = residuals.priced_quantiles(line, over)
    above = [1 - np.interp(at, row, LEVELS) for at, row in zip(line[:4], quantiles, strict=False)]
    np.testing.assert_allclose(above, over[:4], atol=0.011)
    assert np.isnan(quantiles[4]).all()
    assert (np.diff(quantiles[:4], axis=1) >= 0).all()
    assert (quantiles[:4] >= 0).all()


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, st.integers(20, 1500), elements=st.integers(0, 60).map(float)),
    st.integers(0, 2**32 - 1),
)
def test_any_distribution_gives_ordered_intervals_and_falling_probabilities(actual: np.ndarray, seed: int) -> None:
    draw = np.random.default_rng(seed)
    predicted = np.round(draw.gamma(2.0, 5.0, len(actual)), int(draw.integers(0, 3)))
    residuals = fit_residuals(actual, predicted)
    assert residuals.quantiles.shape == (len(residuals.edges) + 1, 99)
    assert len(residuals.edges) < MAX_BANDS
    low, high = residuals.interval(predicted)
    assert (low >= 0).all()
    assert (low <= high).all()
    lines = np.linspace(0.5, 60.5, 61)
    over = residuals.over_probability(np.full(61, predicted[0]), lines)
    assert ((over >= 0.01 - 1e-12) & (over <= 0.99 + 1e-12)).all()
    assert (np.diff(over) <= 1e-12).all()


def test_what_cannot_be_predicted_has_no_interval_and_no_probability() -> None:
    residuals = fit_residuals(*world(1000, 1))
    low, high = residuals.interval(np.array([np.nan, 10.0]))
    assert np.isnan([low[0], high[0]]).all()
    assert np.isfinite([low[1], high[1]]).all()
    over = residuals.over_probability(np.array([np.nan, 10.0, 10.0]), np.array([9.5, np.nan, 9.5]))
    assert np.isnan(over[:2]).all()
    assert np.isfinite(over[2])


def test_rows_without_a_prediction_are_left_out_and_too_few_rows_refused() -> None:
    actual, predicted = world(1000, 1)
    holes = np.concatenate([predicted, [np.nan] * 5])
    with_holes = fit_residuals(np.concatenate([actual, np.zeros(5)]), holes)
    np.testing.assert_array_equal(with_holes.quantiles, fit_residuals(actual, predicted).quantiles)
    with pytest.raises(UsageError, match=r"^19 rows"):
        fit_residuals(actual[:19], predicted[:19])


def test_a_prediction_that_is_always_the_same_has_one_band() -> None:
    residuals = fit_residuals(np.arange(2000.0) % 7, np.full(2000, 3.0))
    assert residuals.quantiles.shape == (1, 99)
    assert residuals.over_probability(np.array([3.0]), np.array([3.0]))[0] == pytest.approx(0.5, abs=0.01)


def test_a_level_beyond_what_is_kept_is_refused() -> None:
    residuals = fit_residuals(*world(100, 1))
    for level in (0.0, 0.99, 1.0):
        with pytest.raises(ValueError, match="level"):
            residuals.interval(np.array([1.0]), level)


def test_coverage_holds_in_every_tier_with_few_rows_to_learn_from() -> None:
    """80 % intervals learned from 3,000 rows cover 78 to 82 % of new results, bench to star, on average over worlds."""
    covered = []
    for seed in range(12):
        residuals = fit_residuals(*world(3_000, seed))
        actual, predicted = world(30_000, 100 + seed)
        low, high = residuals.interval(predicted)
        inside, tiers = (actual >= low) & (actual <= high), tier(predicted)
        covered.append([inside.mean(), *(inside[tiers == place].mean() for place in range(len(TIERS)))])
    assert ((np.mean(covered, axis=0) > 0.78) & (np.mean(covered, axis=0) < 0.83)).all()
    assert (np.abs(np.mean(covered, axis=0)[0] - 0.80) < 0.015).all()


def test_the_quantiles_of_few_rows_cover_a_further_one_exactly() -> None:
    """Of 99 rows the k-th smallest is the quantile at k / 100: a further result falls below it with that chance."""
    actual = np.random.default_rng(1).permutation(99).astype(float)
    residuals = fit_residuals(actual, np.full(99, 5.0))
    np.testing.assert_allclose(residuals.result_quantiles(np.array([5.0]))[0], np.arange(99), atol=1e-9)


def test_errors_that_grow_with_the_prediction_are_wider_for_high_ones() -> None:
    residuals = fit_residuals(*world(5_000, 1))
    factor, power = residuals.growth
    assert factor > 0
    assert 0.3 < power < 1
    low, high = residuals.interval(np.array([3.0, 30.0]))
    assert (high - low)[1] > 2 * (high - low)[0]


def test_intervals_and_probabilities_are_read_off_the_quantiles_of_the_result() -> None:
    residuals = fit_residuals(*world(5_000, 1))
    point = np.array([1.0, 9.0, 25.0, np.nan])
    quantiles = residuals.result_quantiles(point)
    low, high = residuals.interval(point)
    np.testing.assert_allclose(quantiles[:, [9, 89]], np.stack([low, high], axis=1))
    over = residuals.over_probability(point[1:3], quantiles[1:3, 49])
    np.testing.assert_allclose(over, 0.5, atol=0.02)
    assert np.isnan(quantiles[3]).all()


def test_predictions_that_are_always_right_have_no_spread() -> None:
    predicted = np.arange(200.0) / 10
    low, high = fit_residuals(predicted, predicted).interval(predicted)
    np.testing.assert_array_equal(low, predicted)
    np.testing.assert_array_equal(high, predicted)
