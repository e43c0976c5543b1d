"""A database file that is taken away is said to be gone, and one that comes in its place is the one that is read."""

from __future__ import annotations

import shutil
import time
from functools import partial
from typing import Any

from contracts.database import sqlite_path
from contracts.home import REGISTERED_MODEL
from registry.stages import Stage
from serving.live import load_live
from serving.slot import Slot


def test_a_file_that_is_gone_degrades_the_slot_and_its_successor_is_followed(world: Any) -> None:
    first, second = world.register("season_average"), world.register("last_10_average")
    world.move(first, Stage.PRODUCTION)
    slot = Slot(world.engine, REGISTERED_MODEL, partial(load_live, home=world.home), poll_seconds=1)
    slot.look()
    assert slot.state().status == "ready"
    path = sqlite_path(world.home.database_url)
    assert path is not None
    with world.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = path.with_name("kept.db")
    shutil.copy(path, kept)
    path.unlink()
    slot.look()
    state = slot.state()
    assert (state.status, state.code) == ("degraded", "registry_unreachable")
    assert "is gone" in (state.message or "")
    assert slot.current().version == first, "the last good one goes on"
    for name in (f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
    kept.rename(path)
    slot.look()
    assert slot.state().status == "ready"
    world.move(second, Stage.PRODUCTION, leaving=first)
    slot.look()
    assert slot.current().version == second


def test_a_thread_looks_ahead_of_those_who_ask(world: Any) -> None:
    from contracts.settings import Settings
    from serving.freshness import Freshness

    freshness = Freshness(world.engine, Settings())
    freshness.follow(lambda: world.feature_set)
    deadline = time.monotonic() + 10
    while not freshness._known and time.monotonic() < deadline:
        time.sleep(0.01)
    freshness.stop()
    assert list(freshness._known) == [world.feature_set.hash]
