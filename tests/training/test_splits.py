"""No date is ever in two blocks, whatever the dates and whatever is asked."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import UsageError
from training.splits import Split, split_by_date

DAYS = st.lists(st.dates(date(2022, 10, 1), date(2023, 6, 30)), min_size=1, max_size=300)
MAYBE = st.none() | st.dates(date(2022, 9, 1), date(2023, 7, 30))


def days_from(first: str, n: int) -> np.ndarray:
    return np.datetime64(first) + np.arange(n).astype("timedelta64[D]")


def split(dates: np.ndarray, **given: str | float) -> Split:
    spans = {name: date.fromisoformat(value) for name, value in given.items() if isinstance(value, str)}
    shares = {"validation_share": 0.2, "tune_share": 0.1} | {k: v for k, v in given.items() if isinstance(v, float)}
    return split_by_date(dates, **shares, **spans)


@given(
    days=DAYS,
    validation_share=st.floats(0.01, 0.99),
    tune_share=st.floats(0.01, 0.99),
    embargo_days=st.integers(0, 40),
    spans=st.fixed_dictionaries({}, optional=dict.fromkeys(("train_from", "train_to", "val_from", "val_to"), MAYBE)),
)
def test_blocks_never_touch_and_follow_each_other_and_lie_within_what_was_asked(
    days: list[date],
    validation_share: float,
    tune_share: float,
    embargo_days: int,
    spans: dict[str, date | None],
) -> None:
    dates = np.array(days, dtype="datetime64[D]")
    shares = {"validation_share": validation_share, "tune_share": tune_share}
    try:
        made = split_by_date(dates, **shares, embargo_days=embargo_days, **spans)
    except UsageError:
        return
    train, tune, validation = (made.mask(dates, block) for block in (made.train, made.tune, made.validation))
    assert train.any()
    assert tune.any()
    assert validation.any()
    for one, other in ((train, tune), (train, validation), (tune, validation)):
        assert not set(dates[one]) & set(dates[other])
    assert dates[train].max() < dates[tune].min()
    assert dates[tune].max() + np.timedelta64(embargo_days, "D") < dates[validation].min()
    assert made.train.first >= (spans.get("train_from") or date.min)
    assert made.tune.last <= (spans.get("train_to") or date.max)
    assert made.validation.first >= (spans.get("val_from") or date.min)
    assert made.validation.last <= (spans.get("val_to") or date.max)


@given(DAYS.filter(lambda days: len(set(days)) >= 5))
def test_without_dates_given_every_row_is_in_exactly_one_block(days: list[date]) -> None:
    dates = np.array(days, dtype="datetime64[D]")
    made = split(dates)
    counts = sum(made.mask(dates, block).astype(int) for block in (made.train, made.tune, made.validation))
    assert (counts == 1).all()


def test_the_default_is_the_last_fifth_of_the_dates_and_the_last_tenth_of_those_before() -> None:
    """By dates, not by rows: a date with a hundred rows counts once."""
    dates = np.concatenate([days_from("2023-01-01", 100), np.repeat(np.datetime64("2023-01-05"), 100)])
    made = split(dates)
    assert str(made.train) == "2023-01-01..2023-03-13"
    assert str(made.tune) == "2023-03-14..2023-03-21"
    assert str(made.validation) == "2023-03-22..2023-04-10"


def test_given_dates_are_kept_to_the_day() -> None:
    made = split(
        days_from("2023-01-01", 100),
        train_from="2023-01-11",
        train_to="2023-02-09",
        val_from="2023-03-01",
        val_to="2023-03-10",
    )
    assert (str(made.train), str(made.tune)) == ("2023-01-11..2023-02-06", "2023-02-07..2023-02-09")
    assert str(made.validation) == "2023-03-01..2023-03-10"


def test_one_end_given_fixes_the_other() -> None:
    dates = days_from("2023-01-01", 100)
    assert split(dates, val_from="2023-03-01").tune.last == date(2023, 2, 28)
    assert split(dates, train_to="2023-02-09").validation.first == date(2023, 2, 10)


def test_an_embargo_leaves_the_last_days_before_validation_out_of_both_blocks() -> None:
    made = split_by_date(
        days_from("2023-01-01", 100),
        validation_share=0.2,
        tune_share=0.1,
        embargo_days=7,
        train_to=date(2023, 2, 28),
        val_from=date(2023, 3, 3),
    )
    assert (str(made.tune), str(made.validation)) == ("2023-02-19..2023-02-23", "2023-03-03..2023-04-10")


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ({"train_from": "2023-03-01", "train_to": "2023-02-01"}, "--train-from 2023-03-01 is after --train-to"),
        ({"val_from": "2023-03-01", "val_to": "2023-02-01"}, "--val-from 2023-03-01 is after --val-to"),
        ({"train_to": "2023-03-01", "val_from": "2023-02-01"}, "--train-to 2023-03-01 is after --val-from"),
        ({"train_to": "2023-03-01", "val_from": "2023-03-01"}, "both blocks"),
        ({"val_from": "2024-03-01"}, r"No date is left to validate on.*2023-01-01 to 2023-04-10"),
        ({"train_to": "2023-04-10"}, "No date is left to validate on"),
        ({"train_to": "2023-01-01"}, "1 dates are left to train on"),
        ({"val_from": "2023-01-01"}, "0 dates are left to train on"),
    ],
)
def test_a_split_that_cannot_be_is_wrong_usage(spans: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        split(days_from("2023-01-01", 100), **spans)


def test_all_faults_of_the_dates_are_named_together() -> None:
    with pytest.raises(UsageError) as caught:
        split(
            days_from("2023-01-01", 9),
            train_from="2023-02-02",
            train_to="2023-02-01",
            val_from="2023-01-03",
            val_to="2023-01-02",
        )
    assert str(caught.value).count(" is after ") == 6


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_dates_are_wrong_usage(n: int) -> None:
    with pytest.raises(UsageError):
        split(days_from("2023-01-01", n))


def test_dates_between_the_blocks_are_in_none() -> None:
    dates = days_from("2023-01-01", 100)
    made = split(dates, train_to="2023-02-01", val_from="2023-03-01")
    gap = made.mask(dates, made.train, made.tune, made.validation)
    assert not gap[dates == np.datetime64("2023-02-15")].any()
    assert (date(2023, 3, 1) - made.tune.last) == timedelta(days=28)
