"""The reconciler: what the schedule expects and is not there is started, or said; nothing ran at all is seen too."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from contracts.database import writing
from contracts.tables import alarms, batches, feature_table, games
from features.builders.compute import BUILDERS
from monitoring.alarms import Finding, keep_alarms, standing_alarms
from tests.tipoff.coordinator.test_events import count, event
from tipoff.coordinator.batches import find_batch
from tipoff.coordinator.envelopes import open_envelope
from tipoff.coordinator.inbox import take
from tipoff.coordinator.reconciler import coming_days, may_open, reconcile
from tipoff.coordinator.work import work_off


@pytest.fixture
def tip_off(world, game_date):
    """When the games of the date begin."""
    moment = datetime(game_date.year, game_date.month, game_date.day, 23, 0, tzinfo=UTC)
    with writing(world.engine) as connection:
        connection.execute(sa.update(games).where(games.c.game_date == game_date).values(tip_off_at=moment))
    return moment


def names(found):
    return sorted(finding.name for finding in found.findings)


def test_a_date_that_is_built_gets_its_batch_whether_or_not_an_event_came(world, settings, tip_off, game_date):
    """'Triggered' was once written before the trigger worked: here the batch itself is looked for."""
    found = reconcile(world.engine, settings, tip_off - timedelta(hours=8))
    assert (found.opened, found.findings) == ([f"{game_date}-r1"], [])
    assert reconcile(world.engine, settings, tip_off - timedelta(hours=8)).opened == []


def test_changed_inputs_before_the_last_game_begin_a_new_revision_and_afterwards_none(
    world, settings, tip_off, game_date
):
    reconcile(world.engine, settings, tip_off - timedelta(hours=8))
    work_off(world.engine, world.home, settings, f"{game_date}-r1")
    world.register("season_average", seed=9)
    with writing(world.engine) as connection:  # the newest of its system answers only where none is in Production
        connection.execute(sa.update(batches).values(inputs_hash="as it was"))
    assert reconcile(world.engine, settings, tip_off).opened == []
    assert reconcile(world.engine, settings, tip_off - timedelta(minutes=1)).opened == [f"{game_date}-r2"]


def test_nothing_ran_at_all_is_an_alarm_before_the_games_and_is_resolved_when_it_did(
    world, settings, tip_off, game_date
):
    move_builds(world, game_date, 1000)
    early = reconcile(world.engine, settings, tip_off - timedelta(hours=8))
    assert (names(early), early.opened) == ([], []), "it is not due yet"
    due = tip_off - timedelta(minutes=119)
    found = reconcile(world.engine, settings, due)
    assert names(found) == ["nothing_ran"]
    assert found.findings[0].remedy == "tipoff features backfill --publish"
    assert "no feature rows, no batch" in standing_alarms(world.engine)[0]["message"]
    assert reconcile(world.engine, settings, due).new == [], "it is raised once"
    move_builds(world, game_date, -1000)
    after = reconcile(world.engine, settings, due)
    assert (after.opened, after.resolved, standing_alarms(world.engine)) == ([f"{game_date}-r1"], 1, [])


def move_builds(world, game_date, by: int) -> None:
    """As if the date's rows were of builds so many later."""
    rows = feature_table(world.feature_set)
    with writing(world.engine) as connection:
        moved = sa.update(rows).where(rows.c.game_date == game_date).values(from_build=rows.c.from_build + by)
        assert connection.execute(moved).rowcount > 0


def test_a_batch_that_nobody_works_on_is_an_alarm(world, settings, tip_off):
    reconcile(world.engine, settings, tip_off - timedelta(hours=8))
    started = find_batch(world.engine).started_at
    with writing(world.engine) as connection:
        connection.execute(sa.update(batches).values(started_at=tip_off - timedelta(hours=1)))
    assert started is not None
    found = reconcile(world.engine, settings, tip_off - timedelta(minutes=45))
    assert names(found) == ["batch_open"]
    assert "has been open for 15 minutes" in found.findings[0].message
    assert names(reconcile(world.engine, settings, tip_off - timedelta(minutes=55))) == []


def test_complete_builders_of_a_past_date_whose_batch_did_not_start_are_made_up_for(world, settings, game_date):
    for builder in BUILDERS:
        content = json.dumps(event(builder, game_date)).encode()
        take(world.engine, open_envelope({}, content))
    found = reconcile(world.engine, settings, datetime(2030, 1, 1, tzinfo=UTC))
    assert found.opened == [f"{game_date}-r1"]
    assert reconcile(world.engine, settings, datetime(2030, 1, 1, tzinfo=UTC)).opened == []


def test_a_batch_that_cannot_start_is_an_alarm_with_the_reason(world, settings):
    for builder in BUILDERS:
        content = json.dumps(event(builder, "2031-01-01")).encode()
        take(world.engine, open_envelope({}, content))
    found = reconcile(world.engine, settings, datetime(2030, 1, 1, tzinfo=UTC))
    assert names(found) == ["not_started"]
    assert "No player-games are expected on 2031-01-01" in found.findings[0].message


def test_a_day_without_games_is_no_alarm(world, settings, game_date):
    assert coming_days(world.engine, datetime(2031, 7, 1, tzinfo=UTC)) == []
    assert reconcile(world.engine, settings, datetime(2031, 7, 1, tzinfo=UTC)).findings == []
    assert count(world.engine, alarms) == 0


def test_news_may_open_a_first_batch_at_any_time_and_another_until_the_last_game_begins(
    world, settings, tip_off, game_date
):
    late = tip_off
    assert may_open(world.engine, game_date, late)
    reconcile(world.engine, settings, tip_off - timedelta(hours=8))
    assert not may_open(world.engine, game_date, late)
    assert may_open(world.engine, game_date, tip_off - timedelta(minutes=1))


def test_an_alarm_stands_once_and_may_come_back(engine):
    finding = Finding("undelivered", "http://a", "It does not answer.", "curl http://a")
    assert keep_alarms(engine, "coordinator", [finding])[0] == [finding]
    assert keep_alarms(engine, "coordinator", [finding]) == ([], 0)
    assert keep_alarms(engine, "coordinator", []) == ([], 1)
    assert keep_alarms(engine, "coordinator", [finding])[0] == [finding]
    assert count(engine, alarms) == 2
    assert len(standing_alarms(engine)) == 1
