"""Metrics: known values, and intervals that draw whole dates."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.metrics import (
    Metric,
    bootstrap_means_by_date,
    interval_by_date,
    mean_absolute_error,
    mean_error,
    share_above,
    share_within,
)

ACTUAL = np.array([10.0, 20.0, 30.0, 40.0])
PREDICTED = np.array([12.0, 19.0, 30.0, 35.0])


def test_known_values() -> None:
    assert mean_absolute_error(ACTUAL, PREDICTED) == 2.0
    assert mean_error(ACTUAL, PREDICTED) == -1.0, "predicted minus actual: too low is below 0"
    assert share_within(ACTUAL, PREDICTED, 2.0) == 0.75, "the bound belongs to it"
    assert share_above(ACTUAL, PREDICTED) == 0.625, "two above, one on it counted half"


@pytest.mark.parametrize("metric", [mean_absolute_error, mean_error, share_above])
@pytest.mark.parametrize(
    ("actual", "predicted"),
    [([], []), ([1.0], [1.0, 2.0]), ([1.0, np.nan], [1.0, 2.0]), ([1.0, 2.0], [1.0, np.inf])],
)
def test_a_figure_of_nothing_or_of_what_is_no_number_is_refused(metric, actual, predicted) -> None:
    with pytest.raises(ValueError, match=r"at least one|not finite"):
        metric(np.array(actual), np.array(predicted))


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=40), st.data())
def test_the_mean_absolute_error_bounds_the_mean_error(actual, data) -> None:
    predicted = data.draw(st.lists(st.floats(-50, 50), min_size=len(actual), max_size=len(actual)))
    there, said = np.array(actual), np.array(predicted)
    assert abs(mean_error(there, said)) <= mean_absolute_error(there, said) + 1e-12


def test_a_date_is_drawn_whole() -> None:
    """Ten dates of one value each, a hundred rows a date: the means are tenths, as from ten rows and not a thousand."""
    values = np.repeat([0.0] * 5 + [1.0] * 5, 100)
    dates = np.repeat(np.arange(10), 100)
    means = bootstrap_means_by_date(values, dates, resamples=500)
    assert set(np.round(means * 10, 9)) <= set(range(11))
    by_date, by_row = interval_by_date(values, dates), interval_by_date(values, np.arange(1000))
    assert by_date[1] - by_date[0] > 5 * (by_row[1] - by_row[0])


def test_means_are_those_of_the_rows_of_the_drawn_dates() -> None:
    """The same draws, made row by row."""
    values, dates = np.random.default_rng(5).normal(4, 2, 40), np.repeat(np.arange(8), [1, 9, 3, 7, 5, 5, 4, 6])
    drawn = np.random.default_rng(7).integers(0, 8, size=(50, 8))
    naive = [np.concatenate([values[dates == day] for day in days]).mean() for days in drawn]
    np.testing.assert_allclose(bootstrap_means_by_date(values, dates, resamples=50), naive, rtol=1e-12)


def test_dates_of_many_rows_weigh_more() -> None:
    values, dates = np.array([0.0] * 99 + [1.0]), np.array([1] * 99 + [2])
    means = bootstrap_means_by_date(values, dates, resamples=500)
    assert set(np.round(means, 9)) == {0.0, 0.01, 1.0}


def test_the_same_seed_gives_the_same_draws() -> None:
    values, dates = np.arange(50.0), np.repeat(np.arange(10), 5)
    assert np.array_equal(bootstrap_means_by_date(values, dates), bootstrap_means_by_date(values, dates))
    assert not np.array_equal(bootstrap_means_by_date(values, dates), bootstrap_means_by_date(values, dates, seed=8))


def test_a_wider_level_holds_a_narrower_one() -> None:
    values, dates = np.random.default_rng(1).normal(4, 2, 600), np.repeat(np.arange(30), 20)
    (low, high), (low_80, high_80) = interval_by_date(values, dates), interval_by_date(values, dates, level=0.8)
    assert low < low_80 < values.mean() < high_80 < high


def test_a_bootstrap_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_means_by_date(np.array([]), np.array([]))
    with pytest.raises(ValueError, match="as many"):
        bootstrap_means_by_date(np.array([1.0]), np.array([1, 2]))


def test_a_metric_never_lacks_what_it_is_about() -> None:
    with pytest.raises(TypeError, match="population"):
        Metric("mae", 4.5, 9000)  # type: ignore[call-arg]
    made = Metric("mae", 4.5, 9000, "played", date(2024, 1, 1), date(2024, 4, 1), 3, (4.4, 4.6))
    assert json.loads(json.dumps(made.to_json())) == {
        "name": "mae",
        "value": 4.5,
        "n": 9000,
        "population": "played",
        "date_from": "2024-01-01",
        "date_to": "2024-04-01",
        "build_id": 3,
        "ci95": [4.4, 4.6],
    }


def test_one_date_has_no_interval() -> None:
    """However many rows it has: how far dates differ cannot be told from one."""
    assert interval_by_date(np.arange(50.0), np.zeros(50)) is None
