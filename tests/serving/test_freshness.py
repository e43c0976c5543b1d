"""Rows of facts that changed since are stale: the service says so at once, and is good again after a backfill."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.settings import Settings
from features.table.backfill import backfill
from registry.stages import Stage
from serving.freshness import Freshness
from serving.lookup import find_slate
from serving.slate import answer_slate, predict_slate


def test_a_corrected_score_makes_its_date_and_all_later_ones_stale_until_they_are_built(world: Any) -> None:
    freshness = Freshness(world.engine, Settings())
    assert freshness.stale(world.feature_set) == frozenset()
    day = world.correct_a_score(days_back=3)
    dates = set(world.rows()["game_date"].to_list())
    assert freshness.stale(world.feature_set) == {later for later in dates if later >= day}
    backfill(world.engine, world.feature_set, Settings())
    assert freshness.stale(world.feature_set) == frozenset()


def test_facts_are_looked_at_again_only_after_an_ingest_or_a_build(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    freshness = Freshness(world.engine, Settings())
    freshness.stale(world.feature_set)
    monkeypatch.setattr("serving.freshness.stale_dates", lambda *_: pytest.fail("looked again"))
    freshness.stale(world.feature_set)


def test_a_slate_of_stale_rows_is_not_predicted_and_nothing_is_kept(world: Any) -> None:
    live = world.live()
    day = world.slate()["game_date"][0]
    world.move(live.version, Stage.PRODUCTION)
    world.correct_a_score(days_back=30)
    stale = Freshness(world.engine, Settings()).stale(world.feature_set)
    assert day in stale
    slate = answer_slate(live, day, find_slate(world.engine, live.feature_set, day, stale))
    assert {answer.error.code for answer in slate.answers if answer.error} == {"stale_features"}
    assert slate.n_predicted == 0
    said = predict_slate(world.engine, world.home, Settings(), day)
    assert all("tipoff features backfill" in answer["error"]["message"] for answer in said)
