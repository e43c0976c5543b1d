"""Dates and seasons: every way to write one is understood or refused, and the league's date is New York's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts import clock
from contracts.clock import league_date, parse_date, season_name, season_span, season_start_year
from contracts.errors import UsageError

YEARS = st.integers(1946, 2998)


@given(YEARS)
def test_a_season_is_read_back_as_it_was_written(year: int) -> None:
    assert season_start_year(season_name(year)) == year


@pytest.mark.parametrize(("year", "name"), [(2023, "2023-24"), (1999, "1999-00"), (2009, "2009-10")])
def test_a_season_is_written_as_the_league_does(year: int, name: str) -> None:
    assert season_name(year) == name


@given(YEARS, st.integers(0, 99))
def test_the_second_half_of_a_season_is_the_year_after(year: int, second: int) -> None:
    assume(second != (year + 1) % 100)
    with pytest.raises(UsageError, match="is not a season"):
        season_start_year(f"{year}-{second:02d}")


@pytest.mark.parametrize("text", ["", "2023", "23-24", "2023/24", "2023-2024", "x2023-24", "2023-24-25"])
def test_what_is_no_season_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="2023-24") as refused:
        season_start_year(text)
    assert repr(text) in refused.value.message


@given(YEARS, YEARS)
def test_a_span_runs_forward_or_is_refused(first: int, last: int) -> None:
    text = f"{season_name(first)}:{season_name(last)}"
    if first <= last:
        assert season_span(text) == (first, last)
    else:
        with pytest.raises(UsageError, match="backwards"):
            season_span(text)


def test_one_season_is_a_span_of_itself() -> None:
    assert season_span("2023-24") == (2023, 2023)


@given(st.dates())
def test_a_date_is_read_back(day: date) -> None:
    assert parse_date(day.isoformat()) == day


@pytest.mark.parametrize("text", ["2024-02-30", "01.03.2024", "", "yesterday"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a date"):
        parse_date(text)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2024, 3, 1, 4, 59, tzinfo=UTC), date(2024, 2, 29)),  # winter: midnight is 05:00 UTC
        (datetime(2024, 3, 1, 5, 0, tzinfo=UTC), date(2024, 3, 1)),
        (datetime(2024, 6, 1, 3, 59, tzinfo=UTC), date(2024, 5, 31)),  # summer: 04:00 UTC
        (datetime(2024, 6, 1, 4, 0, tzinfo=UTC), date(2024, 6, 1)),
    ],
)
def test_the_leagues_date_changes_at_midnight_in_new_york(moment: datetime, day: date) -> None:
    assert league_date(moment) == day


def test_a_moved_clock_goes_on_for_now_and_never_for_the_wall():
    then = datetime(2024, 3, 1, 15, tzinfo=UTC)
    with clock.moved_to(then):
        assert then <= clock.now() < then + timedelta(minutes=1)
        assert clock.wall() - clock.now() > timedelta(days=300)
    assert abs(clock.wall() - clock.now()) < timedelta(minutes=1)
