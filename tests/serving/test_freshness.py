"""Rows of facts that changed since are stale: the service says so at once, and is good again after a backfill."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from contracts.settings import Settings
from features.raw.ingest import ingest
from features.sources.files import Source
from features.sources.simulated import league_sources
from features.table.backfill import backfill
from registry.stages import Stage
from serving.freshness import Freshness
from serving.slate import answer_slate, predict_slate


def correct_a_score(world: Any, days_back: int) -> Any:
    """Corrects one player's free throws on the played date `days_back` dates before the last; returns that date."""
    logs = league_sources(1, 7, n_teams=4, regular_games=20)["game-logs"].frame
    day = sorted(logs["GAME_DATE"].unique())[-1 - days_back]
    row = logs.filter((pl.col("GAME_DATE") == day) & (pl.col("MIN") > 0))[:1]
    row = row.with_columns(pl.col("PTS", "FTM", "FTA") + 1)
    report = ingest(world.engine, "game-logs", [Source("corrected.csv", row, "0" * 64)], world.home.rejects)
    assert report.changed == 1
    return row["GAME_DATE"].cast(pl.String).str.to_date().item()


def test_a_corrected_score_makes_its_date_and_all_later_ones_stale_until_they_are_built(world: Any) -> None:
    freshness = Freshness(world.engine, Settings())
    assert freshness.stale(world.feature_set) == frozenset()
    day = correct_a_score(world, days_back=3)
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
    correct_a_score(world, days_back=30)
    stale = Freshness(world.engine, Settings()).stale(world.feature_set)
    assert day in stale
    slate = answer_slate(world.engine, live, day, stale)
    assert {answer.error.code for answer in slate.answers if answer.error} == {"stale_features"}
    assert slate.n_predicted == 0
    said = predict_slate(world.engine, world.home, Settings(), day)
    assert all("tipoff features backfill" in answer["error"]["message"] for answer in said)
