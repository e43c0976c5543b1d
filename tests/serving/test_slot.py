"""The slot follows the registry, and what does not prove itself never answers."""

from __future__ import annotations

import json
import time
from functools import partial

import pytest
import sqlalchemy as sa

from contracts.home import REGISTERED_MODEL
from contracts.model_metadata import METADATA_FILE, folder_sha256
from registry.stages import Stage
from serving.faults import NoProductionError, NotReadyError, UnknownSystemError
from serving.live import load_live, resolve_version
from serving.slot import Slot


def make_slot(world, *, poll_seconds: float = 0.02, load=None) -> Slot:
    return Slot(world.engine, REGISTERED_MODEL, load or partial(load_live, home=world.home), poll_seconds=poll_seconds)


def test_without_production_it_is_not_ready_and_names_the_command(world):
    world.register("season_average")
    slot = make_slot(world)
    slot.look()
    state = slot.state()
    assert (state.status, state.code) == ("not_ready", "no_production")
    assert "tipoff promote" in state.remedy
    with pytest.raises(NoProductionError, match="tipoff promote"):
        slot.current()


def test_a_promotion_is_live_at_the_next_look_and_a_rollback_too(world):
    first, second = world.register("season_average"), world.register("last_10_average")
    slot = make_slot(world)
    world.move(first, Stage.PRODUCTION)
    slot.look()
    assert slot.current().version == first
    world.move(second, Stage.PRODUCTION, leaving=first)
    slot.look()
    assert slot.current().version == second
    world.move(first, Stage.PRODUCTION, leaving=second)
    slot.look()
    assert slot.current().version == first
    assert slot.prove().status == "ready"


def test_the_thread_follows_by_itself_until_it_is_stopped(world):
    slot = make_slot(world)
    slot.start()
    assert not slot.state().is_answering
    version = world.register("season_average")
    world.move(version, Stage.PRODUCTION)
    deadline = time.monotonic() + 5
    while not slot.state().is_answering and time.monotonic() < deadline:
        time.sleep(0.01)
    slot.stop()
    assert slot.current().version == version
    assert slot.is_following


def test_a_version_whose_files_were_changed_never_answers_and_the_last_good_one_goes_on(world):
    good, bad = world.register("season_average"), world.register("xgboost")
    (world.home.artifacts / str(bad.version) / "model.ubj").write_bytes(b"other")
    slot = make_slot(world)
    world.move(good, Stage.PRODUCTION)
    slot.look()
    world.move(bad, Stage.PRODUCTION, leaving=good)
    slot.look()
    state = slot.state()
    assert state.status == "degraded"
    assert slot.current().version == good
    assert "SHA-256" in state.message
    assert f"Version {bad.version}" in state.message
    assert slot.prove().is_answering


def test_without_a_good_one_before_a_broken_version_means_not_ready(world):
    bad = world.register("season_average", sha256="e" * 64)
    world.move(bad, Stage.PRODUCTION)
    slot = make_slot(world)
    slot.look()
    assert slot.state().code == "not_ready"
    with pytest.raises(NotReadyError, match=r"e{64}"):
        slot.current()


def test_golden_rows_that_come_out_differently_refuse_the_version(world):
    version = world.register("season_average")
    path = world.home.artifacts / str(version.version) / METADATA_FILE
    content = json.loads(path.read_text())
    content["golden_rows"][0]["predicted"] += 1e-12
    path.write_text(json.dumps(content))
    forged = world.register("season_average", sha256=folder_sha256(path.parent), artifact_uri=path.parent.as_uri())
    world.move(forged, Stage.PRODUCTION)
    slot = make_slot(world)
    slot.look()
    assert slot.state().status == "not_ready"
    assert "golden row 0" in slot.state().message


def test_a_model_that_no_longer_gives_its_golden_rows_is_not_ready_at_the_next_question(world):
    version = world.register("xgboost")
    world.move(version, Stage.PRODUCTION)
    slot = make_slot(world)
    slot.look()
    assert slot.prove().status == "ready"
    system = slot.current().model.system
    system._booster = system._booster[:1]
    assert slot.prove().status == "not_ready"
    assert "golden row" in slot.prove().message


def test_a_version_of_other_definitions_is_refused_with_the_remedy(world):
    version = world.register("season_average", feature_set_hash="d" * 64)
    world.move(version, Stage.PRODUCTION)
    slot = make_slot(world)
    slot.look()
    assert "dddddddddddd" in slot.state().message
    assert "tipoff train" in slot.state().remedy


def test_a_registry_that_does_not_answer_degrades_and_recovers(world):
    world.move(world.register("season_average"), Stage.PRODUCTION)
    slot = make_slot(world)
    slot.look()
    working, slot._engine = slot._engine, sa.create_engine("sqlite:////nowhere/at/all.db")
    slot.look()
    assert (slot.state().status, slot.state().code) == ("degraded", "registry_unreachable")
    slot._engine = working
    slot.look()
    assert slot.state().status == "ready"


def test_a_failed_version_is_not_loaded_at_every_look(world):
    bad = world.register("season_average", sha256="e" * 64)
    world.move(bad, Stage.PRODUCTION)
    loads = []

    def load(version, stage):
        loads.append(version.version)
        return load_live(version, stage, world.home)

    slot = make_slot(world, load=load)
    for _ in range(5):
        slot.look()
    assert loads == [bad.version]
    good = world.register("season_average")
    world.move(good, Stage.PRODUCTION, leaving=bad)
    slot.look()
    assert slot.state().status == "ready"


def test_a_dead_thread_is_not_ready_and_not_alive(world):
    world.move(world.register("season_average"), Stage.PRODUCTION)
    slot = make_slot(world)
    slot.start()
    slot._stop.set()
    slot._thread.join()
    slot._stop.clear()
    assert not slot.is_following
    assert slot.state().status == "not_ready"
    assert "thread" in slot.state().message


def test_names_resolve_to_stages_numbers_and_the_newest_of_a_system(world):
    average, first, second, third = (
        world.register(system) for system in ("season_average", "xgboost", "xgboost", "last_10_average")
    )
    world.move(average, Stage.PRODUCTION)
    world.move(first, Stage.STAGING)

    def resolve(name: str) -> tuple[int, Stage]:
        version, stage = resolve_version(world.engine, REGISTERED_MODEL, name)
        return version.version, stage

    assert resolve("production") == (average.version, Stage.PRODUCTION)
    assert resolve("staging") == (first.version, Stage.STAGING)
    assert resolve(f"version:{second.version}") == (second.version, Stage.NONE)
    assert resolve("xgboost") == (first.version, Stage.STAGING), "in Staging goes before newer ones"
    assert resolve("last_10_average") == (third.version, Stage.NONE)
    for unknown in ("version:99", "catboost", "similarity"):
        with pytest.raises(UnknownSystemError, match="registry list"):
            resolve(unknown)


def test_another_system_answers_by_request_and_is_loaded_once(world):
    world.move(world.register("season_average"), Stage.PRODUCTION)
    other = world.register("xgboost")
    slot = make_slot(world)
    slot.look()
    live = slot.resolve("xgboost")
    assert (live.version, live.stage) == (other, Stage.NONE)
    world.move(other, Stage.STAGING)
    again = slot.resolve("staging")
    assert again.model is live.model
    assert again.stage == Stage.STAGING


def test_a_damaged_cache_is_fetched_anew(world):
    version = world.register("season_average")
    load_live(version, Stage.NONE, world.home)
    (world.home.cache / version.sha256 / METADATA_FILE).write_text("{}")
    assert load_live(version, Stage.NONE, world.home).version == version
