"""A version in Staging predicts every slate that Production is asked for: stored, and told to nobody."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.settings import ServingSettings, Settings
from contracts.tables import predictions
from registry.stages import Stage
from serving.desk import Desk
from serving.freshness import Freshness
from serving.live import load_live
from serving.metrics import Metrics
from serving.schemas import PredictBatchRequest
from serving.slate import predict_slate
from serving.slot import Slot
from serving.store import PredictionStore


def counted(world: Any) -> dict[int, int]:
    """version -> predictions stored."""
    query = sa.select(predictions.c.model_version, sa.func.count()).group_by(predictions.c.model_version)
    with world.engine.connect() as connection:
        return dict(connection.execute(query).all())


@pytest.fixture
def staged(world: Any) -> Any:
    """Version 1 in Production, version 2 in Staging."""
    first, second = world.register("season_average"), world.register("last_10_average")
    world.move(first, Stage.PRODUCTION)
    world.move(second, Stage.STAGING)
    return world


def ask(world: Any, system: str = "production") -> Any:
    """The answer of the service's desk for the latest slate, after its store wrote everything."""
    load = lambda version, stage: load_live(version, stage, world.home)  # noqa: E731
    slot = Slot(world.engine, "tipoff-points", load, poll_seconds=1.0)
    slot.look()
    store = PredictionStore(world.engine)
    store.start()
    freshness = Freshness(world.engine, Settings())
    desk = Desk(world.engine, slot, store, ServingSettings(), Metrics(), freshness)
    day = world.slate()["game_date"][0]
    answer = desk.predict_batch(PredictBatchRequest(game_date=day, system=system))
    store.stop()
    return answer


def test_the_service_keeps_what_staging_says_beside_production_and_answers_with_production_alone(staged: Any) -> None:
    answer = ask(staged)
    assert {row.model_version for row in answer.predictions} == {1}
    assert counted(staged) == {1: answer.predicted, 2: answer.predicted}


def test_the_command_line_does_the_same(staged: Any) -> None:
    day = staged.slate()["game_date"][0]
    answers = predict_slate(staged.engine, staged.home, Settings(), day)
    assert {answer["model_version"] for answer in answers} == {1}
    assert counted(staged)[2] == counted(staged)[1] > 0


def test_another_version_is_asked_without_a_shadow(staged: Any) -> None:
    ask(staged, "version:1")
    assert set(counted(staged)) == {1}


def test_a_staging_version_that_does_not_load_costs_production_nothing(
    staged: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(staged.home.artifacts / "2")
    answer = ask(staged)
    assert answer.predicted > 0
    assert set(counted(staged)) == {1}
    assert "Staging said nothing of" in caplog.text


def test_without_a_staging_version_nothing_is_done(world: Any) -> None:
    world.move(world.register("season_average"), Stage.PRODUCTION)
    assert ask(world).predicted == counted(world)[1]
