"""Rows kept in memory: read once, and never answered after a correction, a new build or another database."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.database import writing
from contracts.settings import Settings
from contracts.tables import builds, players
from features.table.backfill import backfill
from serving import row_cache
from serving.freshness import Freshness
from serving.lookup import find_rows, find_slate
from serving.predictor import RowFault
from serving.row_cache import RowCache


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is read from the feature table, question by question."""
    asked: list[Any] = []
    for name, real in (("find_rows", find_rows), ("find_slate", find_slate)):

        def read(engine: Any, feature_set: Any, what: Any, stale: Any, real: Any = real) -> Any:
            asked.append(what)
            return real(engine, feature_set, what, stale)

        monkeypatch.setattr(row_cache, name, read)
    return asked


@pytest.fixture
def cache(world: Any) -> RowCache:
    return RowCache(world.engine, Freshness(world.engine, Settings()))


def keys_of(world: Any) -> list[tuple[str, int]]:
    return [tuple(key) for key in world.slate().select("game_id", "player_id").rows()]


def test_a_row_is_read_once_and_what_is_absent_in_one_query(world, cache, reads):
    live, keys = world.live(), keys_of(world)
    first = cache.rows(live, keys[:3])
    assert first == find_rows(world.engine, live.feature_set, keys[:3])
    both = cache.rows(live, [*reversed(keys), keys[0]])
    assert both == find_rows(world.engine, live.feature_set, [*reversed(keys), keys[0]])
    assert reads == [keys[:3], list(reversed(keys[3:]))]


def test_a_slate_is_read_once(world, cache, reads):
    live, day = world.live(), world.slate()["game_date"][0]
    assert cache.slate(live, day) == cache.slate(live, day) == find_slate(world.engine, live.feature_set, day)
    assert reads == [day]


def test_a_correction_is_never_answered_from_memory_and_its_build_is(world, cache):
    live, keys, day = world.live(), keys_of(world), world.slate()["game_date"][0]
    before = cache.rows(live, keys)
    cache.slate(live, day)
    world.correct_a_score(days_back=30)
    for stale in (cache.rows(live, keys), cache.slate(live, day)):
        assert {row.code for row in stale.rows if isinstance(row, RowFault)} == {"stale_features"}
        assert all(isinstance(row, RowFault) for row in stale.rows)
    build = backfill(world.engine, world.feature_set, Settings())
    after = cache.rows(live, keys)
    assert {row.build_id for row in after.rows} == {build.build_id} != {row.build_id for row in before.rows}
    assert [dict(row.values) for row in after.rows] == world.slate().select(world.feature_set.names).to_dicts()
    assert cache.slate(live, day).rows[0].build_id == build.build_id


def test_a_build_that_is_taken_back_is_forgotten(world, cache):
    live, keys = world.live(), keys_of(world)
    cache.rows(live, keys)
    with writing(world.engine) as connection:
        connection.execute(sa.update(builds).values(state="failed"))
    assert {row.code for row in cache.rows(live, keys).rows} == {"no_features"}


def test_another_database_in_the_files_place_is_another_moment(world, cache, reads, tmp_path):
    live, keys = world.live(), keys_of(world)
    cache.rows(live, keys)
    shutil.copy(world.home.root / "tipoff.db", tmp_path / "other.db")
    (tmp_path / "other.db").replace(world.home.root / "tipoff.db")
    cache.rows(live, keys)
    assert reads == [keys, keys]


def test_what_is_not_there_is_looked_for_every_time(world, cache):
    live, key = world.live(), ("0099999999", 1)
    assert cache.rows(live, [key]).rows[0].code == "unknown_player"
    with writing(world.engine) as connection:
        connection.execute(sa.insert(players).values(player_id=1, name="Somebody New"))
    assert cache.rows(live, [key]).rows[0].code == "no_features"


def test_what_was_asked_for_before_the_database_moved_on_is_not_kept(world, cache, reads, monkeypatch):
    live, keys = world.live(), keys_of(world)
    counted = row_cache.find_rows

    def read_while_a_correction_arrives(*asked: Any) -> Any:
        found = counted(*asked)
        world.correct_a_score(days_back=30)
        cache.rows(live, [])
        return found

    monkeypatch.setattr(row_cache, "find_rows", read_while_a_correction_arrives)
    cache.rows(live, keys)
    monkeypatch.setattr(row_cache, "find_rows", counted)
    assert {row.code for row in cache.rows(live, keys).rows} == {"stale_features"}


def test_memory_is_bounded_and_the_oldest_goes_first(world, cache, reads, monkeypatch):
    monkeypatch.setattr(row_cache, "MOST_ROWS", 2)
    live, keys = world.live(), keys_of(world)[:3]
    for key in [*keys, keys[2], keys[0]]:
        cache.rows(live, [key])
    assert reads == [[key] for key in [*keys, keys[0]]]
