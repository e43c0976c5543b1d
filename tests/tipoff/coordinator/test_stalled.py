"""A backfill that nobody works on, or that nothing comes of, is an alarm and a milestone; one that works is neither."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.events import BACKFILL_DONE, BACKFILL_FAILED, MILESTONES
from contracts.settings import AlertsSettings, Settings
from contracts.tables import alarms, outbox
from features.table.backfill import backfill
from features.table.builds import fail_build, start_build
from features.table.lock import backfill_lock
from tipoff.coordinator.reconciler import reconcile
from tipoff.coordinator.stalled import stalled_backfills
from tipoff.evidence import evidence_of

SETTINGS = Settings(alerts=AlertsSettings(stalled_minutes=10))


def milestones(engine: sa.Engine) -> list[tuple[str, str, dict[str, Any]]]:
    query = sa.select(outbox.c.type, outbox.c.subject, outbox.c.data).where(outbox.c.type.in_(MILESTONES))
    with engine.connect() as connection:
        return [(row.type, row.subject, row.data) for row in connection.execute(query.order_by(outbox.c.recorded_at))]


def test_a_build_whose_process_is_gone_is_an_alarm_until_the_next_backfill(world: Any) -> None:
    build_id = start_build(world.engine, world.feature_set)
    (finding,) = stalled_backfills(world.engine, SETTINGS, clock.now())
    assert (finding.name, finding.subject) == ("backfill_stalled", f"build {build_id}")
    assert "its process is gone" in finding.message
    assert finding.remedy == "tipoff features backfill --feature-set v2_33features"
    assert finding in reconcile(world.engine, SETTINGS).findings
    with world.engine.connect() as connection:
        alarm = connection.execute(sa.select(alarms).where(alarms.c.name == "backfill_stalled")).mappings().one()
        evidence = evidence_of(connection, alarm)
    assert (evidence["build"]["state"], evidence["build"]["written"]) == ("running", {"dates": 0})
    backfill(world.engine, world.feature_set, Settings(), rebuild=True)
    assert stalled_backfills(world.engine, SETTINGS, clock.now()) == []
    told = {(kind, subject): data for kind, subject, data in milestones(world.engine)}
    assert told[BACKFILL_FAILED, f"build {build_id}"]["evidence"]["failure"]
    assert told[BACKFILL_DONE, f"build {build_id + 1}"]["evidence"]["rows"] > 0


def test_a_build_that_works_is_none_until_it_writes_nothing_for_too_long(world: Any) -> None:
    with backfill_lock(world.engine, 0):
        build_id = start_build(world.engine, world.feature_set)
        assert stalled_backfills(world.engine, SETTINGS, clock.now() + timedelta(minutes=9)) == []
        (finding,) = stalled_backfills(world.engine, SETTINGS, clock.now() + timedelta(minutes=11))
        assert "wrote nothing since" in finding.message
        fail_build(world.engine, build_id, "KeyboardInterrupt: ")
    assert stalled_backfills(world.engine, SETTINGS, clock.now() + timedelta(minutes=11)) == []


def test_a_build_that_fails_is_told_once_with_its_reason(world: Any) -> None:
    build_id = start_build(world.engine, world.feature_set)
    for _ in range(2):
        fail_build(world.engine, build_id, "RefusedError: column pace_score is constant")
    (told,) = [data for kind, subject, data in milestones(world.engine) if subject == f"build {build_id}"]
    assert told["message"] == f"Build {build_id} of v2_33features failed: RefusedError: column pace_score is constant"
