"""A fold learns from everything before its first date and from nothing else, whatever the dates and the settings."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import RefusedError, UsageError
from training.splits import Span, Split
from training.walk_forward import Retrain, refuse_in_sample, walk_forward

DAYS = st.lists(st.dates(date(2021, 10, 1), date(2023, 6, 30)), min_size=1, max_size=200)
SEASON = Span(date(2022, 10, 18), date(2023, 6, 12))


def array(*days: str) -> np.ndarray:
    return np.array(days, dtype="datetime64[D]")


def days_from(first: str, n: int) -> np.ndarray:
    return np.datetime64(first) + np.arange(n).astype("timedelta64[D]")


def folds_of(dates: np.ndarray, season: Span, retrain: Retrain, **settings: float) -> list[Split]:
    every = np.ones(len(dates), dtype=bool)
    return walk_forward(dates, every, season, retrain=retrain, **{"tune_share": 0.1, **settings})


@given(
    days=DAYS,
    season=st.tuples(st.dates(date(2021, 10, 1), date(2023, 6, 30)), st.integers(0, 300)),
    retrain=st.sampled_from(Retrain),
    tune_share=st.floats(0.01, 0.99),
    embargo_days=st.integers(0, 40),
)
def test_no_fold_learns_from_its_test_or_later_and_all_of_the_season_is_tested_once(
    days: list[date], season: tuple[date, int], retrain: Retrain, tune_share: float, embargo_days: int
) -> None:
    dates = np.array(days, dtype="datetime64[D]")
    span = Span(season[0], season[0] + timedelta(days=season[1]))
    try:
        folds = folds_of(dates, span, retrain, tune_share=tune_share, embargo_days=embargo_days)
    except UsageError:
        return
    tested = np.zeros(len(dates), dtype=int)
    for fold in folds:
        train, tune, test = (fold.mask(dates, block) for block in (fold.train, fold.tune, fold.validation))
        assert train.any()
        assert tune.any()
        assert dates[train].max() < dates[tune].min()
        first = dates[test].min()
        assert dates[train | tune].max() + np.timedelta64(embargo_days, "D") < first
        everything_before = dates < first - np.timedelta64(embargo_days, "D")
        assert ((train | tune) == everything_before).all()
        refuse_in_sample(dates[train | tune], dates[test])
        tested += test
    in_season = (dates >= np.datetime64(span.first)) & (dates <= np.datetime64(span.last))
    assert (tested == in_season).all()
    firsts = [fold.validation.first for fold in folds]
    assert firsts == sorted(set(firsts))


@given(days=DAYS)
def test_monthly_folds_are_calendar_months(days: list[date]) -> None:
    dates = np.concatenate([array("2020-01-01", "2020-01-02"), np.array(days, dtype="datetime64[D]")])
    span = Span(date(2021, 1, 1), date(2023, 12, 31))
    folds = folds_of(dates, span, Retrain.MONTHLY)
    months = [(block.first.year, block.first.month) for block in (fold.validation for fold in folds)]
    assert months == sorted({(day.year, day.month) for day in days})
    assert all(fold.validation.first.replace(day=1) == fold.validation.last.replace(day=1) for fold in folds)


def test_without_retraining_the_whole_season_is_one_fold_learned_before_it() -> None:
    dates = np.concatenate([days_from("2022-01-01", 100), days_from("2022-10-18", 200)])
    [fold] = folds_of(dates, SEASON, Retrain.NONE)
    assert str(fold.train) == "2022-01-01..2022-03-31"
    assert str(fold.tune) == "2022-04-01..2022-04-10"
    assert str(fold.validation) == "2022-10-18..2023-05-05"


def test_monthly_each_fold_learns_from_the_months_before_it_too() -> None:
    dates = np.concatenate([days_from("2022-01-01", 100), days_from("2022-10-18", 60)])
    folds = folds_of(dates, SEASON, Retrain.MONTHLY)
    assert [str(fold.validation) for fold in folds] == [
        "2022-10-18..2022-10-31",
        "2022-11-01..2022-11-30",
        "2022-12-01..2022-12-16",
    ]
    assert [str(fold.tune.last) for fold in folds] == ["2022-04-10", "2022-10-31", "2022-11-30"]


def test_an_embargo_leaves_the_last_days_before_the_test_out() -> None:
    dates = days_from("2022-10-01", 60)
    season = Span(date(2022, 11, 1), date(2022, 11, 29))
    [fold] = folds_of(dates, season, Retrain.NONE, embargo_days=7)
    assert fold.tune.last == date(2022, 10, 24)
    assert (fold.validation.first - fold.tune.last).days == 8


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ([], "0 dates with rows to learn from lie before 2022-10-18"),
        (["2022-01-01"], "1 dates with rows to learn from"),
        (["2022-01-01", "2022-01-01"], "1 dates with rows to learn from"),
    ],
)
def test_a_season_with_too_little_before_it_is_wrong_usage(before: list[str], said: str) -> None:
    dates = np.concatenate([array(*before), days_from("2022-10-18", 9)])
    with pytest.raises(UsageError, match=said) as caught:
        folds_of(dates, SEASON, Retrain.NONE)
    assert "Test a later season" in str(caught.value)


def test_dates_without_learnable_rows_are_no_share_of_the_dates_that_tune() -> None:
    """A season's first days have no row of `played`: a tune block of such days would be empty."""
    dates = np.concatenate([days_from("2022-10-01", 60), days_from("2022-10-21", 1)])
    learnable = (dates < np.datetime64("2022-10-21")) | (dates > np.datetime64("2022-10-30"))
    learnable[-1] = False
    season = Span(date(2022, 10, 31), date(2022, 11, 29))
    [fold] = walk_forward(dates, learnable, season, retrain=Retrain.NONE, tune_share=0.1)
    assert (str(fold.train), str(fold.tune)) == ("2022-10-01..2022-10-18", "2022-10-19..2022-10-20")


def test_an_embargo_counts_as_nothing_before() -> None:
    dates = days_from("2022-10-08", 40)
    with pytest.raises(UsageError, match="lie before 2022-09-18"):
        folds_of(dates, SEASON, Retrain.NONE, embargo_days=30)


def test_a_span_without_results_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="no results from 2022-10-18 to 2023-06-12"):
        folds_of(days_from("2022-01-01", 9), SEASON, Retrain.NONE)


@pytest.mark.parametrize("learned", ["2022-10-18", "2022-10-19"])
def test_rows_of_the_tested_date_or_later_among_the_learned_are_refused(learned: str) -> None:
    with pytest.raises(RefusedError, match=f"Rows of {learned} were learned from.*in-sample"):
        refuse_in_sample(array("2022-10-01", learned), array("2022-10-18", "2022-10-20"))
