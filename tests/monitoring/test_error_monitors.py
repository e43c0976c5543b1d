"""Errors are judged on one version's grades, with an interval by date; a planted fault is bad, a quiet month is not."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from contracts.settings import MonitorsSettings
from monitoring.monitors import bias, calibration, mae_gap, model_age, prediction_drift, too_good

LIMITS = MonitorsSettings()
FIRST = date(2024, 1, 1)


@pytest.fixture
def graded() -> pl.DataFrame:
    """3,000 grades of 20 dates: errors of a normal distribution, a line as good as the prediction."""
    draw = np.random.default_rng(7)
    n = 3000
    actual = draw.normal(12, 6, n)
    return pl.DataFrame(
        {
            "game_date": [FIRST + timedelta(days=place % 20) for place in range(n)],
            "game_id": [f"{place % 200:010d}" for place in range(n)],
            "player_id": np.arange(n) % 300,
            "predicted": actual + draw.normal(0, 5, n),
            "error": 0.0,
            "line": actual + draw.normal(0, 5, n),
            "points_avg_season": actual + draw.normal(0, 5.5, n),
            "in_interval": draw.random(n) < 0.8,
            "actual": actual,
        }
    ).with_columns(error=pl.col("predicted") - pl.col("actual"))


def shifted(graded: pl.DataFrame, by: float) -> pl.DataFrame:
    return graded.with_columns(pl.col("predicted") + by, pl.col("error") + by)


@pytest.mark.parametrize("is_median", [True, False])
def test_bias_is_bad_on_either_side_and_not_without(graded, is_median):
    assert not bias.judge("a v1", graded, LIMITS, is_median=is_median).is_bad
    for by in (2.0, -2.0):
        assert bias.judge("a v1", shifted(graded, by), LIMITS, is_median=is_median).is_bad


def test_bias_of_a_mean_system_is_its_mean_error(graded):
    found = bias.judge("a v1", shifted(graded, 2.0), LIMITS, is_median=False)
    assert found.value == pytest.approx(shifted(graded, 2.0)["error"].mean())
    assert "3,000 live grades of played, 20 dates 2024-01-01 to 2024-01-20" in found.detail


def gap(graded: pl.DataFrame, column: str, limit: float):
    return mae_gap.judge("a v1", column, column, graded, "lined", limit, LIMITS)


def test_a_gap_to_the_line_or_an_average_is_bad_where_chance_does_not_explain_it(graded):
    assert not gap(graded, "line", 0.25).is_bad
    assert not gap(graded, "points_avg_season", 0.05).is_bad
    worse = graded.with_columns(error=pl.col("error") * 1.3, predicted=pl.col("actual") + pl.col("error") * 1.3)
    assert gap(worse, "line", 0.25).is_bad
    assert gap(worse, "points_avg_season", 0.05).is_bad


def test_a_gap_counts_only_rows_that_both_have(graded):
    lined = graded.with_columns(line=pl.when(pl.col("player_id") < 150).then("line"))
    assert gap(lined, "line", 0.25).n == 1500


def test_far_better_than_the_line_is_bad(graded):
    assert not too_good.judge("a v1", graded, LIMITS).is_bad
    leaked = graded.with_columns(error=pl.col("error") * 0.5, predicted=pl.col("actual") + pl.col("error") * 0.5)
    assert too_good.judge("a v1", leaked, LIMITS).is_bad


def test_intervals_that_hold_too_few_or_too_many_results_are_bad(graded):
    assert not calibration.judge("a v1", graded, LIMITS).is_bad
    for share in (0.6, 0.95):
        inside = np.random.default_rng(7).random(graded.height) < share
        assert calibration.judge("a v1", graded.with_columns(in_interval=pl.Series(inside)), LIMITS).is_bad


def test_with_too_few_rows_or_dates_nothing_is_measured_and_it_says_so(graded):
    short = shifted(graded, 9.0)
    for few in (short.head(200), short.filter(pl.col("game_date") < FIRST + timedelta(days=5)), short.clear()):
        for found in (
            bias.judge("a v1", few, LIMITS, is_median=True),
            gap(few, "line", 0.25),
            too_good.judge("a v1", few, LIMITS),
            calibration.judge("a v1", few, LIMITS),
        ):
            assert (found.value, found.is_bad) == (None, False)
            assert f"{few.height} live grades" in found.detail
            assert "300 on 7 are needed" in found.detail


def test_predictions_that_moved_as_a_whole_are_bad_and_others_are_not(graded):
    assert not prediction_drift.judge("a v1", graded, LIMITS).is_bad
    late = pl.col("game_date") >= FIRST + timedelta(days=13)
    moved = graded.with_columns(predicted=pl.when(late).then(pl.col("predicted") + 9).otherwise("predicted"))
    assert prediction_drift.judge("a v1", moved, LIMITS).is_bad
    assert prediction_drift.judge("a v1", graded.head(40), LIMITS).value is None


def test_a_version_is_too_old_after_so_many_dates_and_one_that_learned_nothing_never():
    days = [FIRST + timedelta(days=place) for place in range(200)]
    limit = LIMITS.max_model_dates
    assert not model_age.judge("a v1", days[199 - limit], days, LIMITS).is_bad
    assert model_age.judge("a v1", days[198 - limit], days, LIMITS).is_bad
    assert model_age.judge("a v1", None, days, LIMITS).value == 0
