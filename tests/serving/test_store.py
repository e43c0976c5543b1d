"""What was said is kept once, behind the answer, and nothing is lost unseen."""

from __future__ import annotations

import shutil
import threading
import time
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from contracts.home import REGISTERED_MODEL
from contracts.settings import ServingSettings, Settings
from contracts.tables import predictions
from registry.stages import Stage
from serving.desk import Desk
from serving.faults import NoGamesError, NoProductionError
from serving.freshness import Freshness
from serving.lookup import find_slate
from serving.metrics import Metrics
from serving.predictor import predict
from serving.schemas import PredictRequest
from serving.slate import predict_slate
from serving.slot import Slot
from serving.store import PredictionStore, prediction_rows, store_predictions

SAID_AT = datetime(2022, 12, 20, 12, tzinfo=UTC)


def slate_rows(world, live):
    stored = find_slate(world.engine, live.feature_set, world.slate()["game_date"][0])
    answers = predict(live, stored.rows, [None] * len(stored.rows))
    return prediction_rows(live, answers, stored.game_dates, SAID_AT)


def until(holds, seconds=10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kept(world) -> list:
    with world.engine.connect() as connection:
        return list(connection.execute(sa.select(predictions).order_by(predictions.c.prediction_id)).mappings())


def test_said_twice_is_kept_once_with_its_first_time(world):
    rows = slate_rows(world, world.live("xgboost"))
    assert store_predictions(world.engine, rows) == len(rows) > 10
    later = [row | {"predicted_at": datetime(2023, 1, 1, tzinfo=UTC)} for row in rows]
    assert store_predictions(world.engine, later) == 0
    assert {row["predicted_at"] for row in kept(world)} == {SAID_AT}


def test_a_kept_prediction_names_what_its_model_was_and_had_seen(world):
    live = world.live("xgboost")
    store_predictions(world.engine, slate_rows(world, live))
    row = kept(world)[0]
    assert (row["model_version"], row["model_sha256"]) == (live.version.version, live.version.sha256)
    assert row["train_to"] == live.version.train_to
    assert (row["target"], row["build_id"], row["feature_set"]) == ("points", 1, "v2_33features")


def test_the_store_writes_behind_the_answer_and_all_of_it_before_it_stops(world):
    rows = slate_rows(world, world.live("season_average"))
    store = PredictionStore(world.engine)
    store.start()
    for row in rows:
        store.put(lambda row=row: [row])
    store.stop()
    assert len(kept(world)) == store.n_stored == len(rows)
    assert store.n_dropped == 0


def test_what_does_not_fit_the_queue_is_counted(world):
    store = PredictionStore(world.engine, queue_size=1)
    store.start()
    at_work, go_on = threading.Event(), threading.Event()

    def wait() -> list:
        at_work.set()
        go_on.wait(5)
        return []

    store.put(wait)
    at_work.wait(5)
    for _ in range(4):
        store.put(list)
    assert store.n_dropped == 3
    go_on.set()
    store.stop()


def test_a_database_that_fails_is_tried_again_and_then_counted(world):
    row = slate_rows(world, world.live("season_average"))[0]
    for address in ("sqlite:////nowhere/at/all.db", "postgresql+psycopg://nobody@127.0.0.1:1/none"):
        store = PredictionStore(sa.create_engine(address), retry_seconds=0.0)
        store.start()
        for _ in range(2):
            store.put(lambda: [row])
        store.stop()
        assert (store.n_stored, store.n_dropped) == (0, 2)


def test_a_database_that_comes_back_in_time_gets_what_waited(world, monkeypatch):
    row = slate_rows(world, world.live("season_average"))[0]
    failures = iter([sa.exc.OperationalError("INSERT", {}, Exception("locked"))])

    def fail_once(engine, rows):
        for failure in failures:
            raise failure
        return store_predictions(engine, rows)

    monkeypatch.setattr("serving.store.store_predictions", fail_once)
    store = PredictionStore(world.engine, retry_seconds=0.0)
    store.start()
    store.put(lambda: [row])
    store.stop()
    assert (store.n_stored, store.n_dropped, len(kept(world))) == (1, 0, 1)


def test_a_row_that_the_database_refuses_is_counted_and_stops_no_other(world):
    row = slate_rows(world, world.live("season_average"))[0]
    metrics = Metrics()
    store = PredictionStore(world.engine, metrics=metrics)
    store.start()
    store.put(lambda: [row | {"over_probability": 2.0}])
    until(lambda: store.n_dropped == 1)
    store.put(lambda: [row])
    store.stop()
    assert (store.n_stored, store.n_dropped) == (1, 1)
    assert b"tipoff_dropped_requests_total 1.0" in metrics.text()
    assert b"tipoff_stored_predictions_total 1.0" in metrics.text()


def test_postgresql_keeps_each_prediction_once_and_all_of_them(world, postgres):
    rows = slate_rows(world, world.live("xgboost"))
    store = PredictionStore(postgres)
    store.start()
    for row in [*rows, *rows]:
        store.put(lambda row=row: [row])
    store.stop()
    with postgres.connect() as connection:
        found = connection.execute(sa.select(predictions.c.player_id, predictions.c.predicted)).all()
    assert sorted(found) == sorted((row["player_id"], row["predicted"]) for row in rows)
    assert (store.n_stored, store.n_dropped) == (len(rows), 0)
    later = [row | {"predicted_at": datetime(2023, 1, 1, tzinfo=UTC)} for row in rows]
    assert store_predictions(postgres, [*later, later[0] | {"model_version": 99}]) == 1


def test_what_was_written_goes_to_a_database_that_took_the_files_place(world, tmp_path):
    rows = slate_rows(world, world.live("season_average"))
    empty = tmp_path / "empty.db"
    shutil.copy(world.home.root / "tipoff.db", empty)
    store = PredictionStore(world.engine)
    store.start()
    store.put(lambda: rows)
    until(lambda: store.n_stored == len(rows))
    for name in ("tipoff.db-wal", "tipoff.db-shm"):
        (world.home.root / name).unlink(missing_ok=True)
    empty.replace(world.home.root / "tipoff.db")
    store.put(lambda: rows)
    store.stop()
    assert len(kept(world)) == len(rows)


def test_a_store_that_does_not_run_counts_what_it_is_given(world):
    store = PredictionStore(world.engine)
    store.put(list)
    assert store.n_dropped == 1


def test_a_callers_own_line_answers_and_is_never_kept_as_the_known_one(world):
    version = world.register("season_average")
    world.move(version, Stage.PRODUCTION)
    slot = Slot(world.engine, REGISTERED_MODEL, lambda found, stage: _load(world, found, stage), poll_seconds=1)
    slot.look()
    store = PredictionStore(world.engine)
    store.start()
    desk = Desk(world.engine, slot, store, ServingSettings(), Metrics(), Freshness(world.engine, Settings()))
    row = world.slate().drop_nulls("line").row(0, named=True)
    asked = {"player_id": row["player_id"], "game_id": row["game_id"], "line": 99.5}
    answer = desk.predict(PredictRequest.model_validate({"rows": [asked]})).predictions[0]
    store.stop()
    assert answer.line == 99.5
    stored = kept(world)[0]
    assert stored["line"] == row["line"]
    assert stored["over_probability"] > answer.over_probability


def test_the_command_line_predicts_a_slate_by_the_same_predictor_and_keeps_it(world):
    live = world.live("season_average")
    world.move(live.version, Stage.PRODUCTION)
    slate = world.slate()
    answers = predict_slate(world.engine, world.home, Settings(), slate["game_date"][0])
    assert [(row["game_id"], row["player_id"]) for row in answers] == slate.select("game_id", "player_id").rows()
    made = {(row["game_id"], row["player_id"]): row["predicted_points"] for row in answers if row["error"] is None}
    assert {(row["game_id"], row["player_id"]): row["predicted"] for row in kept(world)} == made
    assert made[slate["game_id"][1], slate["player_id"][1]] == slate["points_avg_season"][1]


def test_a_slate_needs_production_and_games(world):
    day = world.slate()["game_date"][0]
    with pytest.raises(NoProductionError, match="tipoff promote"):
        predict_slate(world.engine, world.home, Settings(), day)
    world.move(world.register("season_average"), Stage.PRODUCTION)
    with pytest.raises(NoGamesError, match="2021-07-04"):
        predict_slate(world.engine, world.home, Settings(), day.replace(year=2021, month=7, day=4))


def _load(world, version, stage):
    from serving.live import load_live

    return load_live(version, stage, world.home)
