"""The fits of medians are exact: nothing near them is better."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from systems.least_absolute import nonnegative_slopes, slope_through_origin, weighted_median


def test_the_weighted_median_has_half_of_the_weight_at_or_below_it() -> None:
    assert weighted_median(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0])) == 2
    assert weighted_median(np.array([3.0, 1.0, 2.0]), np.array([5.0, 1.0, 1.0])) == 3
    with pytest.raises(ValueError, match="above 0"):
        weighted_median(np.array([1.0]), np.array([0.0]))


def test_the_slope_by_hand() -> None:
    """y / x is 2, 1 and 0.5, with weights 1, 2 and 4: more than half of them at 0.5."""
    assert slope_through_origin(np.array([1.0, 2.0, 4.0, 0.0]), np.array([2.0, 2.0, 2.0, 9.0])) == 0.5


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(5, 60))
def test_no_other_slopes_at_or_above_0_err_less(seed: int, k: int, n: int) -> None:
    draw = np.random.default_rng(seed)
    x, y = draw.normal(3, 2, (n, k)), np.round(draw.normal(5, 5, n))
    found = nonnegative_slopes(x, y)
    assert (found >= 0).all()
    least = np.abs(y - x @ found).sum()
    for scale in (0.001, 0.1, 3):
        others = np.maximum(found + draw.normal(0, scale, (50, k)), 0)
        assert np.abs(y[:, None] - x @ others.T).sum(axis=0).min() >= least - 1e-6


def test_a_column_that_would_want_a_negative_slope_gets_0() -> None:
    draw = np.random.default_rng(1)
    x = draw.normal([5, 0], 1, (200, 2))
    np.testing.assert_allclose(nonnegative_slopes(x, 2 * x[:, 0] - x[:, 1])[1], 0, atol=1e-9)
    np.testing.assert_allclose(nonnegative_slopes(x, x @ [2, 1]), [2, 1], atol=1e-9)
    with pytest.raises(ValueError, match="need rows"):
        nonnegative_slopes(np.empty((0, 2)), np.empty(0))
