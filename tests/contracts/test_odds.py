"""Prices as probabilities, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.odds import gain, implied_probability, over_probability

prices = st.one_of(st.integers(-1000, -100), st.integers(100, 1000)).map(float)


def test_an_american_price_implies_the_share_at_which_a_bet_breaks_even() -> None:
    implied = implied_probability(np.array([-110.0, 100.0, -100.0, 150.0, -300.0, 0.0, np.nan]))
    np.testing.assert_allclose(implied, [110 / 210, 0.5, 0.5, 0.4, 0.75, np.nan, np.nan])


def test_the_margin_is_taken_out_in_proportion() -> None:
    """-120 / -110: 0.5455 and 0.5238 add up to 1.0693; over stands at 0.5455 / 1.0693."""
    over = over_probability(np.array([-110.0, -120.0, -110.0]), np.array([-110.0, -110.0, np.nan]))
    np.testing.assert_allclose(over, [0.5, 0.510121, np.nan], atol=1e-6)


@given(prices, prices)
def test_the_two_sides_add_up_to_one(over: float, under: float) -> None:
    one, other = np.array([over]), np.array([under])
    assert over_probability(one, other) + over_probability(other, one) == pytest.approx(1.0)


def test_a_price_says_what_a_stake_of_1_wins() -> None:
    won = gain(np.array([-110.0, 100.0, -100.0, 150.0, -300.0, 0.0, 99.0, np.nan]))
    np.testing.assert_allclose(won, [100 / 110, 1.0, 1.0, 1.5, 1 / 3, np.nan, np.nan, np.nan])


@given(prices)
def test_a_price_breaks_even_at_the_probability_that_it_implies(price: float) -> None:
    implied, won = implied_probability(np.array([price])), gain(np.array([price]))
    assert implied * won == pytest.approx(1 - implied)
