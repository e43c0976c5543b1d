"""What the desk answers on the event loop: few rows that wait for nothing, and the same as it answers elsewhere."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from contracts.home import REGISTERED_MODEL
from contracts.settings import ServingSettings, Settings
from registry.stages import Stage
from serving import desk as desk_module
from serving.desk import FEW_ROWS, QUICK_ROWS, Desk
from serving.faults import InvalidRequestError
from serving.freshness import Freshness
from serving.live import load_live
from serving.metrics import Metrics
from serving.schemas import PredictRequest
from serving.slot import Slot
from serving.store import PredictionStore

ROW = {"features": {"points_avg_season": 20.0}}


@pytest.fixture
def desk(world: Any) -> Iterator[Desk]:
    """The desk of a service whose Production is a season's average."""
    world.move(world.register("season_average"), Stage.PRODUCTION)
    slot = Slot(world.engine, REGISTERED_MODEL, partial(load_live, home=world.home), poll_seconds=1)
    slot.look()
    store = PredictionStore(world.engine)
    store.start()
    yield Desk(world.engine, slot, store, ServingSettings(), Metrics(), Freshness(world.engine, Settings()))
    store.stop()


def about(*rows: dict[str, Any], **more: Any) -> PredictRequest:
    return PredictRequest.model_validate({"rows": list(rows), **more})


def test_few_rows_by_features_are_at_hand_and_many_are_not(desk: Desk) -> None:
    assert desk.at_hand(about(*FEW_ROWS * [ROW])) is not None
    assert desk.at_hand(about(*(FEW_ROWS + 1) * [ROW])) is None


def test_rows_by_ids_are_at_hand_once_they_are_known_and_no_longer_after_a_correction(desk: Desk, world: Any) -> None:
    ids = world.slate().select("player_id", "game_id").row(0, named=True)
    assert desk.at_hand(about(ids)) is None, "the database has to be asked"
    desk.predict(about(ids))
    assert desk.at_hand(about(ids)) is not None
    world.correct_a_score(days_back=0)
    assert desk.at_hand(about(ids)) is None


def test_another_version_than_productions_is_never_at_hand(desk: Desk) -> None:
    assert desk.at_hand(about(ROW, system="version:1")) is None


def test_what_is_at_hand_is_refused_as_anything_else(desk: Desk) -> None:
    for wrong in (about(ROW, feature_set_hash="f" * 64), about({"features": {"pace_scoer": 1.0}})):
        with pytest.raises(InvalidRequestError) as at_hand:
            desk.at_hand(wrong)
        with pytest.raises(InvalidRequestError) as elsewhere:
            desk.predict(wrong)
        assert at_hand.value.message == elsewhere.value.message


@pytest.mark.parametrize("n_rows", [1, QUICK_ROWS, QUICK_ROWS + 1, FEW_ROWS])
def test_at_hand_or_not_the_answer_is_the_same(desk: Desk, world: Any, n_rows: int) -> None:
    known = world.slate().select(world.feature_set.names).to_dicts()
    request = about(*({"features": known[place % len(known)]} for place in range(n_rows)))
    asked = desk.at_hand(request)
    assert asked is not None
    assert asyncio.run(desk.predict_at_hand(asked)) == desk.predict(request)


@pytest.mark.parametrize(("n_rows", "goes_on"), [(QUICK_ROWS, False), (QUICK_ROWS + 1, True)])
def test_the_loop_goes_on_while_the_model_predicts_many_rows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, n_rows: int, goes_on: bool
) -> None:
    own, went_on = desk_module.ask_model, threading.Event()

    def waits(*given: Any) -> Any:
        told.append(went_on.wait(0.5 if not goes_on else 10))
        return own(*given)

    async def ask() -> None:
        asked = desk.at_hand(about(*n_rows * [ROW]))
        assert asked is not None
        answering = asyncio.create_task(desk.predict_at_hand(asked))
        await asyncio.sleep(0.1)
        went_on.set()
        assert len((await answering).predictions) == n_rows

    told: list[bool] = []
    monkeypatch.setattr(desk_module, "ask_model", waits)
    asyncio.run(ask())
    assert told == [goes_on]
