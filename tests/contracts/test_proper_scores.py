"""Scores of distributions and probabilities: by hand, and proper: nobody gains by saying what he does not believe."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.metrics import brier_scores, crps, log_losses

LEVELS = np.arange(1, 100) / 100


def test_crps_by_hand() -> None:
    """Quantiles 4, 6, 9 at 0.25, 0.5, 0.75; result 7: 2 / 3 * (0.25 * 3 + 0.5 * 1 + 0.25 * 2)."""
    found = crps(np.array([7.0]), np.array([[4.0, 6.0, 9.0]]), np.array([0.25, 0.5, 0.75]))
    assert found == pytest.approx([2 / 3 * 1.75])


def test_the_crps_of_a_certain_prediction_is_its_absolute_error() -> None:
    found = crps(np.array([7.0, 2.0]), np.repeat([[10.0], [2.0]], 99, axis=1), LEVELS)
    assert found == pytest.approx([3.0, 0.0])


def test_the_crps_of_a_normal_distribution_is_the_known_one() -> None:
    """Of N(0, 1) at its centre: sqrt(2 / pi) - 1 / sqrt(pi) = 0.2337 (Gneiting and Raftery 2007, equation 21)."""
    draws = np.random.default_rng(1).normal(0, 1, 400_000)
    quantiles = np.quantile(draws, LEVELS)[None]
    assert crps(np.array([0.0]), quantiles, LEVELS) == pytest.approx([0.2337], abs=0.01)


def test_brier_score_and_log_loss_by_hand() -> None:
    probability, happened = np.array([0.8, 0.8, 0.5]), np.array([True, False, True])
    assert brier_scores(probability, happened) == pytest.approx([0.04, 0.64, 0.25])
    assert log_losses(probability, happened) == pytest.approx([0.223144, 1.609438, 0.693147], abs=1e-6)


@settings(max_examples=50)
@given(st.floats(0.05, 0.95), st.floats(0.01, 0.99))
def test_nobody_beats_the_true_probability_on_average(truth: float, said: float) -> None:
    both = np.array([True, False])
    for score in (brier_scores, log_losses):
        expected = [float(np.array([truth, 1 - truth]) @ score(np.full(2, p), both)) for p in (truth, said)]
        assert expected[0] <= expected[1] + 1e-12


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-4, 4), st.floats(0.3, 3))
def test_nobody_beats_the_true_distribution_on_average(seed: int, shift: float, stretch: float) -> None:
    """A distribution shifted or stretched scores worse on its own draws than the one they come from."""
    draws = np.random.default_rng(seed).gamma(4.0, 3.0, 4_000)
    truth = np.quantile(draws, LEVELS)
    other = (truth - 12) * stretch + 12 + shift
    mine, theirs = (crps(draws, np.tile(one, (len(draws), 1)), LEVELS).mean() for one in (truth, other))
    assert mine <= theirs + 1e-9


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 2\), not \(1, 99\)"):
        crps(np.array([1.0]), np.zeros((1, 2)), LEVELS)
    with pytest.raises(ValueError, match="not finite"):
        crps(np.array([np.nan]), np.zeros((1, 99)), LEVELS)
    with pytest.raises(ValueError, match="within 0 and 1"):
        brier_scores(np.array([1.2]), np.array([True]))
    with pytest.raises(ValueError, match="no probability"):
        log_losses(np.array([0.0]), np.array([True]))
