"""Workers on a real league: every expected player-game of every system ends once, by the version of the batch."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
import sqlalchemy as sa

from contracts.database import open_database, writing
from contracts.settings import CoordinatorSettings, Settings
from contracts.tables import injuries, ledger, model_versions, predictions
from features.table.backfill import backfill
from registry.stages import Stage
from serving.faults import NoGamesError
from serving.slate import predict_slate
from tipoff.coordinator.batches import find_batch, open_batch
from tipoff.coordinator.dead_letters import list_dead_letters, replay
from tipoff.coordinator.expectation import expect, wanted_versions
from tipoff.coordinator.report import players, standing
from tipoff.coordinator.worker import Tools, Worker, make_tools


@pytest.fixture
def tools(world, settings) -> Tools:
    return make_tools(world.engine, world.home, settings)


def run(world, tools, settings, game_date):
    """A batch of the date, worked off by one worker."""
    batch, _ = open_batch(world.engine, expect(world.engine, settings, game_date))
    Worker(tools).work_off(lambda: not find_batch(world.engine, batch_id=batch.batch_id).is_open)
    return standing(world.engine, find_batch(world.engine, batch_id=batch.batch_id), settings)


def test_every_expected_player_game_ends_for_every_system(world, tools, settings, game_date):
    told = run(world, tools, settings, game_date)
    n_slate = world.slate().height
    assert set(told.by_system) == {"season_average", "last_10_average", "xgboost"}
    assert told.expected == 3 * n_slate
    body = told.to_json()
    assert (body["state"], body["waiting"], body["claimed"]) == ("done", 0, 0)
    assert body["predicted"] + body["skipped"] + body["failed"] == body["expected"]
    assert body["coverage"] >= 0.95
    assert body["shortfall"] is None


def test_the_batch_says_what_the_prediction_service_says(world, tools, settings, game_date):
    run(world, tools, settings, game_date)
    said = {
        (answer["game_id"], answer["player_id"]): answer["predicted_points"]
        for answer in predict_slate(world.engine, world.home, settings, game_date, "xgboost")
    }
    query = (
        sa.select(ledger.c.game_id, ledger.c.player_id, predictions.c.predicted)
        .join(predictions, predictions.c.prediction_id == ledger.c.prediction_id)
        .where(ledger.c.system == "xgboost")
    )
    with world.engine.connect() as connection:
        kept = {(row.game_id, row.player_id): row.predicted for row in connection.execute(query)}
        n_said = connection.scalar(sa.select(sa.func.count()).where(predictions.c.system == "xgboost"))
    assert kept == {key: value for key, value in said.items() if value is not None}
    assert n_said == len(kept), "asking again doubles nothing"


def test_each_model_is_loaded_once(world, settings, game_date):
    loaded = []
    tools = make_tools(world.engine, world.home, settings)
    kept = tools.model.__self__
    load = kept._load
    kept._load = lambda version: loaded.append(version.version) or load(version)
    one = replace(tools, limits=CoordinatorSettings(chunk_rows=3))
    run(world, one, settings, game_date)
    assert sorted(loaded) == [1, 2, 3]


def test_a_scratch_and_a_moved_line_begin_a_new_revision_and_the_earlier_one_stays(world, tools, settings, game_date):
    first = run(world, tools, settings, game_date)
    assert run(world, tools, settings, game_date).batch == first.batch, "nothing changed"
    before = players(world.engine, first.batch)
    scratched = scratch(world, settings, game_date)
    second = run(world, tools, settings, game_date)
    assert (second.batch.revision, second.expected) == (2, first.expected - 3)
    assert scratched not in {row["player_id"] for row in players(world.engine, second.batch)}
    assert players(world.engine, first.batch) == before


def scratch(world, settings, game_date):
    """The first player of the slate is listed out the day before, and the feature table knows; his id."""
    player: int = world.slate()["player_id"][0]
    entry = {
        "player_id": player,
        "reported_on": game_date - timedelta(days=1),
        "status": "out",
        "note": "",
        "entry": 999,
    }
    with writing(world.engine) as connection:
        connection.execute(sa.insert(injuries), [entry])
    backfill(world.engine, world.feature_set, settings, accept_quality="a plant")
    return player


def test_who_is_not_expected_any_more_when_his_turn_comes_is_skipped(world, tools, settings, game_date):
    batch, _ = open_batch(world.engine, expect(world.engine, settings, game_date))
    scratched = scratch(world, settings, game_date)
    Worker(tools).work_off(lambda: not find_batch(world.engine).is_open)
    ended = [row for row in players(world.engine, batch) if row["player_id"] == scratched]
    assert {(row["state"], row["reason"]) for row in ended} == {("skipped", "no_longer_expected")}
    assert len(ended) == 3


def test_a_stale_slate_is_skipped_and_said_and_predicted_in_a_new_revision_once_it_is_built(
    world, tools, settings, game_date
):
    world.correct_a_score(days_back=3)
    day = world.rows().filter(pl.col("is_expected"))["game_date"].max()
    told = run(world, tools, settings, day)
    assert told.reasons == {"stale_features": told.expected}
    assert "below 95%" in told.shortfall
    assert "stale_features" in told.shortfall
    backfill(world.engine, world.feature_set, settings)
    again = run(world, tools, settings, day)
    assert (again.batch.revision, again.coverage >= 0.95) == (2, True)


def test_rows_that_are_stale_are_other_inputs_even_where_no_value_of_theirs_changes(world, settings):
    day = world.rows().filter(pl.col("is_expected"))["game_date"].max()
    before = expect(world.engine, settings, day)
    world.correct_a_score(days_back=3)
    assert expect(world.engine, settings, day).inputs_hash != before.inputs_hash


def test_a_model_that_is_gone_fails_its_rows_after_bounded_tries_and_a_replay_ends_them(
    world, tools, settings, game_date
):
    """A model file that was absent once let a fallback answer for four days: here its rows fail, and nobody else's."""
    version = world.register("season_average", seed=8)
    world.move(version, Stage.PRODUCTION, leaving=world.versions()[0])
    folder = world.home.artifacts / str(version.version)
    shutil.move(folder, folder.with_name("away"))
    told = run(world, tools, settings, game_date)
    n_slate = world.slate().height
    assert told.reasons == {"model_not_loaded": n_slate}
    assert {str(state): count for state, count in told.by_system["season_average"].items()} == {"failed": n_slate}
    letters = list_dead_letters(world.engine)
    assert {(letter["attempt"], letter["reason"]) for letter in letters} == {(3, "model_not_loaded")}
    shutil.move(folder.with_name("away"), folder)
    assert replay(world.engine) == n_slate
    assert run(world, tools, settings, game_date).coverage >= 0.95


def test_an_error_of_a_model_ends_its_rows_and_not_the_worker(world, tools, settings, game_date):
    def explode(_number):
        raise ZeroDivisionError("in the middle")

    told = run(world, replace(tools, model=explode), settings, game_date)
    assert told.reasons == {"error": told.expected}
    assert "ZeroDivisionError: in the middle" in list_dead_letters(world.engine)[0]["detail"]


def test_a_system_without_a_version_is_skipped_and_says_what_trains_it(world, tools, game_date):
    settings = Settings(coordinator=CoordinatorSettings(systems=("season_average", "catboost")))
    told = run(world, tools, settings, game_date)
    assert told.reasons == {"no_version": world.slate().height}
    reasons = {row["detail"] for row in players(world.engine, told.batch) if row["system"] == "catboost"}
    assert reasons == {"No version answers to 'catboost': `tipoff train --system catboost`."}


def test_where_no_version_is_registered_every_player_game_ends_all_the_same(built, tmp_path, settings, game_date):
    shutil.copy(built, tmp_path / "tipoff.db")
    engine = open_database(f"sqlite:///{tmp_path / 'tipoff.db'}")
    batch, _ = open_batch(engine, expect(engine, settings, game_date))
    told = standing(engine, batch, settings)
    assert (told.batch.is_open, told.expected) == (False, told.states["skipped"])
    assert told.reasons == {"no_version": told.expected}
    assert {row["detail"] for row in players(engine, batch)} == {
        "No version answers to 'production': `tipoff train`, then `tipoff promote`."
    }
    engine.dispose()


def test_a_date_without_games_has_no_batch(world, settings, game_date):
    with pytest.raises(NoGamesError):
        expect(world.engine, settings, game_date.replace(year=2031))


def test_production_answers_for_its_own_system_and_staging_is_asked_too(world):
    newer = world.register("season_average", seed=9)
    assert {name: version.version for name, version in wanted_versions(world.engine, None).items()} == {
        "season_average": 1,
        "last_10_average": 2,
        "xgboost": 3,
    }
    world.move(newer, Stage.STAGING)
    wanted = wanted_versions(world.engine, None)
    assert (wanted["season_average"].version, wanted["staging"].version) == (1, newer.version)


def test_a_batch_keeps_the_versions_that_it_was_opened_with(world, tools, settings, game_date):
    batch, _ = open_batch(world.engine, expect(world.engine, settings, game_date))
    newer = world.register("xgboost", seed=8)
    world.move(newer, Stage.STAGING)
    Worker(tools).work_off(lambda: not find_batch(world.engine).is_open)
    query = sa.select(predictions.c.model_version).where(predictions.c.system == "xgboost").distinct()
    with world.engine.connect() as connection:
        assert connection.scalars(query).all() == [3]
        assert connection.scalar(sa.select(sa.func.count()).select_from(model_versions)) == 4
    assert expect(world.engine, settings, game_date).inputs_hash != batch.inputs_hash


def test_a_worker_that_was_killed_with_a_claim_is_taken_over_within_the_lease(world, tools, settings, game_date):
    from tipoff.coordinator.ledger import claim

    batch, _ = open_batch(world.engine, expect(world.engine, settings, game_date))
    assert claim(world.engine, "killed", settings.coordinator) is not None
    Worker(tools).work_off(lambda: not find_batch(world.engine).is_open)
    told = standing(world.engine, find_batch(world.engine), settings)
    assert told.coverage >= 0.95
    seconds = (told.batch.ended_at - batch.started_at).total_seconds()
    assert seconds >= settings.coordinator.lease_seconds
    with world.engine.connect() as connection:
        workers = connection.scalars(sa.select(ledger.c.worker).distinct()).all()
    assert "killed" not in workers
