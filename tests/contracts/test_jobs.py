"""Job runs: what ran by itself, how it ended, and what was killed."""

from __future__ import annotations

from datetime import date

import pytest

from contracts.database import open_database
from contracts.errors import UnavailableError
from contracts.jobs import job_run, latest_run

DAY = date(2024, 3, 1)


@pytest.fixture
def engine(tmp_path):
    return open_database(f"sqlite:///{tmp_path / 'tipoff.db'}")


def test_a_run_that_ended_keeps_what_it_did(engine):
    with job_run(engine, "day.grade", DAY) as run:
        during = latest_run(engine, "day.grade", DAY)
        run.detail, run.figures = "208 graded.", {"graded": 208}
    after = latest_run(engine, "day.grade", DAY)
    assert (during["state"], during["ended_at"]) == ("running", None)
    assert (after["state"], after["detail"], after["figures"]) == ("done", "208 graded.", {"graded": 208})
    assert after["ended_at"] >= after["started_at"]


def test_a_run_that_raises_has_failed_and_says_why(engine):
    with pytest.raises(UnavailableError), job_run(engine, "day.ingest", DAY):
        raise UnavailableError("stats.nba.com does not answer.", remedy="Wait.")
    assert latest_run(engine, "day.ingest")["detail"] == "stats.nba.com does not answer."
    assert latest_run(engine, "day.ingest", state="done") is None


def test_a_run_with_nothing_to_do_is_skipped(engine):
    with job_run(engine, "day.predict", DAY) as run:
        run.skip("No games on 2024-03-01.")
    assert latest_run(engine, "day.predict", DAY)["state"] == "skipped"
    assert latest_run(engine, "day.predict", date(2024, 3, 2)) is None
