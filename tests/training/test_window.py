"""What is learned from may be the last N days alone: a setting, the same for trainings, sweeps and backtests."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.settings import TrainingSettings, load_settings
from systems.catalog import create_system
from training.dataset import make_dataset
from training.folds import cut_folds
from training.splits import Span, last_days, split_by_date
from training.steps import settle
from training.walk_forward import Retrain, walk_forward

FIRST = date(2023, 1, 1)
SHARES = {"validation_share": 0.2, "tune_share": 0.1}


def days(*numbers: int) -> np.ndarray:
    return np.array([np.datetime64(FIRST) + number for number in numbers])


@given(st.sets(st.integers(0, 400), min_size=8), st.integers(2, 400))
def test_a_window_takes_dates_from_the_far_end_and_leaves_the_rest_as_it_was(numbers: set[int], window: int) -> None:
    dates = days(*sorted(numbers))
    learned = [day for day in sorted(numbers) if FIRST + timedelta(day) <= split_by_date(dates, **SHARES).tune.last]
    kept = [day for day in learned if day > learned[-1] - window]
    if len(kept) < 2:
        return
    split, whole = split_by_date(dates, **SHARES, window_days=window), split_by_date(dates, **SHARES)
    assert split.validation == whole.validation
    assert split.train.first == FIRST + timedelta(kept[0])
    assert split.tune.last == whole.tune.last
    assert (split.tune.last - split.train.first).days < window


def test_no_window_is_all_and_a_first_date_that_is_given_wins() -> None:
    dates = days(*range(100))
    assert split_by_date(dates, **SHARES, window_days=None) == split_by_date(dates, **SHARES)
    given_ = split_by_date(dates, **SHARES, window_days=10, train_from=FIRST)
    assert given_ == split_by_date(dates, **SHARES)
    assert last_days([], 5) == []


def test_every_fold_of_a_walk_has_the_window_before_its_own_test() -> None:
    dates = days(*range(300))
    season = Span(FIRST + timedelta(200), FIRST + timedelta(299))
    folds = walk_forward(
        dates, np.ones(300, bool), season, retrain=Retrain.MONTHLY, tune_share=0.1, embargo_days=3, window_days=60
    )
    assert len(folds) > 2
    for fold in folds:
        assert (fold.tune.last - fold.train.first).days == 59
        assert (fold.validation.first - fold.tune.last).days == 4


def test_sweeps_and_trainings_take_it_from_the_settings(feature_rows: Any, feature_set: Any) -> None:
    dataset = make_dataset(feature_rows(), feature_set, target="points", population="played", build_id=1)
    settings = TrainingSettings(window_days=20)
    for fold in cut_folds(dataset, settings):
        assert (fold.tune.last - fold.train.first).days <= 19
    narrow = settle(dataset, create_system("season_average"), settings, {}).split
    wide = settle(dataset, create_system("season_average"), TrainingSettings(), {}).split
    assert (narrow.tune.last - narrow.train.first).days == 19
    assert replace(narrow, train=wide.train, tune=wide.tune) == wide


def test_the_setting_is_a_number_of_days_or_null(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().training.window_days is None
    monkeypatch.setenv("TIPOFF_TRAINING__WINDOW_DAYS", "365")
    assert load_settings().training.window_days == 365
    monkeypatch.setenv("TIPOFF_TRAINING__WINDOW_DAYS", "null")
    assert load_settings().training.window_days is None
