"""What should be there and is not: predictions, dates, jobs, the service's version, an empty queue."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from contracts.settings import MonitorsSettings
from monitoring.coverage import Coverage
from monitoring.monitors import coverage, freshness, heartbeat, queue_depth, registry_vs_service
from monitoring.monitors.heartbeat import Beat

LIMITS = MonitorsSettings()
DAY = date(2024, 1, 10)
NOW = datetime(2024, 1, 10, 12, tzinfo=UTC)


def slate(expected=100, predicted=100, games=5, rowless=0) -> Coverage:
    return Coverage(DAY, "v2_33features", expected, predicted, {}, games, rowless, 0)


@pytest.mark.parametrize(
    ("found", "is_due", "value", "is_bad"),
    [
        (slate(), True, 1.0, False),
        (slate(predicted=96), True, 0.96, False),
        (slate(predicted=94), True, 0.94, True),
        (slate(predicted=0), True, 0.0, True),
        (slate(predicted=0), False, None, False),
        (slate(rowless=1), True, 1.0, True),
        (slate(expected=0, predicted=0), True, 0.0, True),
        (slate(expected=0, predicted=0, games=0), True, None, False),
    ],
)
def test_a_slate_is_covered_by_enough_of_those_expected(found, is_due, value, is_bad):
    reading = coverage.judge_slate(found, "any system", LIMITS, is_due=is_due)
    assert (reading.value, reading.is_bad) == (value, is_bad)


def test_a_batch_is_judged_by_its_ended_rows():
    assert coverage.judge_batch("b", {"predicted": 99, "skipped": 1, "waiting": 500}, LIMITS).is_bad is False
    assert coverage.judge_batch("b", {"predicted": 90, "failed": 10}, LIMITS).is_bad is True
    assert coverage.judge_batch("b", {"waiting": 10}, LIMITS).value is None
    assert coverage.judge_batch(None, {}, LIMITS).value is None


def test_a_date_of_the_schedule_that_is_missing_is_bad_and_named():
    wanted = [DAY - timedelta(days=n) for n in (3, 2, 1)]
    assert not freshness.judge_dates("results", wanted, wanted, "have results", LIMITS).is_bad
    late = freshness.judge_dates("results", wanted, wanted[:2], "have results", LIMITS)
    assert (late.value, late.is_bad) == (1.0, True)
    assert "not 2024-01-09" in late.detail
    assert freshness.judge_dates("results", [], [], "have results", LIMITS).value is None


def test_an_ingest_may_rest_only_while_nothing_is_played():
    old = NOW - timedelta(hours=37)
    assert freshness.judge_ingest(old, NOW, LIMITS, is_played=True).is_bad
    assert not freshness.judge_ingest(old + timedelta(hours=2), NOW, LIMITS, is_played=True).is_bad
    assert freshness.judge_ingest(old, NOW, LIMITS, is_played=False).value is None
    assert freshness.judge_ingest(None, NOW, LIMITS, is_played=True).value is None


def test_a_job_that_ran_and_fell_silent_is_bad_and_its_steps_share_its_limit():
    beats = {
        "day": Beat(NOW - timedelta(hours=24), 9),
        "day.predict": Beat(NOW - timedelta(hours=40), 8),
        "reconcile": Beat(None, 3),
        "a job of no limit": Beat(NOW - timedelta(days=99), 1),
    }
    found = {each.subject: (each.is_measured, each.is_bad) for each in heartbeat.judge(beats, NOW, LIMITS)}
    assert found == {
        "day": (True, False),
        "day.predict": (True, True),
        "reconcile": (True, True),
        "day.train": (False, False),
    }


def test_a_service_with_other_files_than_production_is_bad():
    found = registry_vs_service.judge({"http://a": "x" * 64, "http://b": "y" * 64}, "x" * 64)
    assert [(each.subject, each.is_bad) for each in found] == [("http://a", False), ("http://b", True)]


def test_nothing_may_wait_for_long():
    found = queue_depth.judge({"ledger": 0, "dead_letters": 2}, LIMITS)
    assert [(each.subject, each.is_bad) for each in found] == [("ledger", False), ("dead_letters", True)]
