"""Which earlier dates a date is held against: those of its stage of a season, and enough of them."""

from __future__ import annotations

from datetime import date, timedelta

from contracts.settings import QualitySettings
from features.quality.reference import same_stage

SETTINGS = QualitySettings(stage_days=10, settling_days=30, min_stage_dates=10, sample_dates=40)


def days(year: int, first: int, last: int) -> dict[date, int]:
    """Every date of a season from its `first` day to its `last`."""
    return {date(year, 10, 20) + timedelta(days=day): year for day in range(first, last + 1)}


def test_a_date_is_held_against_its_own_stage_of_this_season_and_the_one_before() -> None:
    standing = days(2020, 0, 200) | days(2021, 0, 200) | days(2022, 0, 99)
    chosen = same_stage(standing, days(2022, 100, 100), SETTINGS)
    assert set(chosen) == set(days(2021, 90, 110)) | set(days(2022, 90, 99))


def test_after_a_break_the_few_dates_since_are_no_measure_and_the_nearest_before_it_join() -> None:
    """A replayed season was refused from its third day after the all-star break on, and never came back."""
    standing = days(2021, 0, 200) | days(2022, 0, 120) | days(2022, 129, 130)
    chosen = same_stage(standing, days(2022, 131, 131), SETTINGS)
    assert chosen == sorted(days(2022, 113, 120) | days(2022, 129, 130))


def test_where_the_last_days_were_refused_a_date_is_held_against_the_latest_that_stand() -> None:
    standing = days(2021, 0, 200) | days(2022, 0, 100)
    chosen = same_stage(standing, days(2022, 125, 140), SETTINGS)
    assert chosen == sorted(days(2022, 91, 100))


def test_the_first_days_of_a_season_are_held_against_those_of_the_season_before_and_no_others() -> None:
    standing = days(2020, 0, 200) | days(2021, 0, 200)
    chosen = same_stage(standing, days(2022, 0, 0), SETTINGS)
    assert chosen == sorted(days(2021, 0, 10))


def test_nothing_before_is_nothing_to_hold_against() -> None:
    assert same_stage(days(2021, 0, 200), days(2022, 5, 5), SETTINGS) == []
