"""Careless and hostile clients: a key given twice, a body that never comes, a method that is not there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from contracts.settings import ServingSettings
from serving.app import Endpoints, Room
from serving.door import Door
from serving.keys import repeated_key
from serving.schemas import ExplainRequest, PredictBatchRequest, PredictRequest, PredictResponse

IDS = '{"player_id": 1, "game_id": "0022300001"}'


@pytest.mark.parametrize(
    ("kind", "text", "twice"),
    [
        (PredictRequest, f'{{"rows": [], "rows": [{IDS}]}}', "rows"),
        (PredictRequest, '{"rows": [{"player_id": 2, "player_id": 1, "game_id": "0022300001"}]}', "player_id"),
        (PredictRequest, '{"rows": [{"features": {"pace_score": 1, "pace_score" : 2}}]}', "pace_score"),
        (PredictRequest, f'{{"rows": [{IDS}], "system": "version:1"}}', None),
        (PredictRequest, f'{{"rows":[{IDS}, {IDS}], "system" : "version:1"}}', None),
        (PredictRequest, f'{{"rows": [{IDS}], "system": "version:1", "system": "production"}}', "system"),
        (PredictRequest, '{"rows": [{"features": {"a": 1, "b": null}, "line": 4.5}, {"features": {}}]}', None),
        (ExplainRequest, f'{{"row": {IDS}, "top": 3}}', None),
        (ExplainRequest, f'{{"row": {IDS}, "top": 3, "top": 4}}', "top"),
        (PredictBatchRequest, '{"game_date": "2024-03-01"}', None),
        (PredictBatchRequest, '{"game_date": "2024-03-01", "game_date": "2024-03-02"}', "game_date"),
    ],
)
def test_a_key_that_stands_twice_is_found_and_no_other(kind: type[BaseModel], text: str, twice: str | None) -> None:
    asked = kind.model_validate_json(text)
    assert repeated_key(asked, text.encode()) == twice


class Waiting:
    """A desk that answers at once."""

    async def predict_at_hand(self, _request: object) -> PredictResponse:
        return PredictResponse(predictions=[])

    def at_hand(self, request: object) -> object:
        return request


def client(**limits: float) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(door(**limits)), base_url="http://service")


def door(inner: Any = None, **limits: float) -> Door:
    """The door before `inner`, of a worker whose desk is a fake."""
    room = Room(Waiting(), ServingSettings.model_validate(limits), token=None)  # type: ignore[arg-type]  # a fake
    front = Endpoints(room)
    return Door(inner, lambda: front)


def test_a_key_given_twice_is_a_422_that_names_it() -> None:
    async def ask() -> httpx.Response:
        async with client() as service:
            return await service.post("/predict", content=f'{{"rows": [], "rows": [{IDS}]}}')

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "rows")


def test_bodies_that_never_come_keep_nobody_out_and_end_in_a_408() -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b'{"rows"'
        await asyncio.sleep(60)

    async def ask() -> tuple[httpx.Response, list[httpx.Response]]:
        async with client(max_in_flight=1, body_seconds=0.5) as service:
            slow = [asyncio.create_task(service.post("/predict", content=never())) for _ in range(3)]
            await asyncio.sleep(0.1)
            quick = await service.post("/predict", json={"rows": [json.loads(IDS)]})
            return quick, await asyncio.gather(*slow)

    quick, slow = asyncio.run(ask())
    assert quick.status_code == 200
    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in slow] == [(408, "too_slow")] * 3


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/livez", 405, "method_not_allowed"), ("/readyz", 405, "method_not_allowed"), ("/none", 404, "not_found")],
)
def test_what_bentoml_refuses_in_plain_text_gets_the_one_shape(path: str, status: int, code: str) -> None:
    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"No"})

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(door(refuse))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as service:
            return await service.put(path)

    answer = asyncio.run(ask())
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message", "field", "remedy"}
    assert answer.json()["error"]["code"] == code
