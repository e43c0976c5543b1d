"""The coordinator's looks at the schedule leave a heartbeat, and not a row each."""

from __future__ import annotations

import time

import sqlalchemy as sa

from contracts.jobs import latest_run
from contracts.settings import CoordinatorSettings, Settings
from contracts.tables import job_runs
from serving.freshness import Freshness
from tipoff.coordinator.routine import RECONCILE, Routine


def test_many_looks_leave_one_heartbeat_in_a_quarter_of_an_hour(engine):
    settings = Settings(coordinator=CoordinatorSettings(relay_seconds=0.01, reconcile_seconds=0.01))
    routine = Routine(engine, settings, [], lambda: None, Freshness(engine, settings))
    looks: list[float] = []
    routine.start()
    ends = time.monotonic() + 30
    while len({round(look, 3) for look in looks}) < 3 and time.monotonic() < ends:
        looks.append(time.monotonic() - routine.seconds_since_look())
        time.sleep(0.02)
    routine.stop()
    assert latest_run(engine, RECONCILE)["state"] == "done"
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(job_runs)).scalar_one() == 1
