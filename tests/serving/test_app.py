"""The application's own checks, where a whole service is not needed to see them."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading

import httpx
import sqlalchemy as sa

from contracts.settings import ServingSettings
from serving.app import SMALL_BYTES, Endpoints, Room
from serving.door import Door
from serving.faults import InvalidRequestError
from serving.schemas import PredictResponse

BODY = {"rows": [{"player_id": 1, "game_id": "0022300001"}]}


class SlowDesk:
    """A desk whose predictions wait until they are let go, or fail as they are told."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.inside = threading.Event()
        self.go_on = threading.Event()

    def answer(self, _request: object) -> PredictResponse:
        self.inside.set()
        self.go_on.wait(10)
        if self.failure is not None:
            raise self.failure
        return PredictResponse(predictions=[])


async def nobody(_scope: object, _receive: object, _send: object) -> None:
    """BentoML's place, where nothing of it is asked."""


def client_of(desk: SlowDesk, monkeypatch, **limits: float) -> httpx.AsyncClient:
    monkeypatch.setattr("serving.desk.Desk.predict", lambda desk, request: desk.answer(request))
    desk.at_hand = lambda request: None
    front = Endpoints(Room(desk, ServingSettings(**limits), token=None))
    transport = httpx.ASGITransport(Door(nobody, lambda: front), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://service")


def test_one_request_too_many_is_a_429_that_says_when_to_retry(monkeypatch):
    desk = SlowDesk()

    async def ask() -> None:
        async with client_of(desk, monkeypatch, max_in_flight=1) as client:
            first = asyncio.create_task(client.post("/predict", json=BODY))
            assert await asyncio.to_thread(desk.inside.wait, 10)
            second = await client.post("/predict", json=BODY)
            desk.go_on.set()
            assert (second.status_code, second.headers["retry-after"]) == (429, "1")
            assert second.json()["error"]["code"] == "too_many_requests"
            assert (await first).status_code == 200
            assert (await client.post("/predict", json=BODY)).status_code == 200, "the place is free again"

    asyncio.run(ask())


def test_a_failure_nobody_foresaw_is_a_500_without_a_traceback_and_frees_its_place(monkeypatch):
    for answer in failing(monkeypatch, ZeroDivisionError("secret detail")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
        assert "secret" not in answer.text


def test_a_database_that_fails_is_a_503(monkeypatch):
    for answer in failing(monkeypatch, sa.exc.OperationalError("SELECT secret", {}, Exception("disk"))):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
        assert "secret" not in answer.text


def failing(monkeypatch, failure: Exception) -> list[httpx.Response]:
    """Two answers, one after the other, of a service with one place whose desk fails."""
    desk = SlowDesk(failure)
    desk.go_on.set()

    async def ask() -> list[httpx.Response]:
        async with client_of(desk, monkeypatch, max_in_flight=1) as client:
            return [await client.post("/predict", json=BODY) for _ in range(2)]

    return asyncio.run(ask())


def test_a_large_body_that_is_refused_leaves_nothing_for_the_garbage_collector(monkeypatch):
    """An error that goes through a thread's future is a cycle, and holds the body until somebody comes to break it."""

    async def ask() -> None:
        async with client_of(SlowDesk(), monkeypatch) as client:
            answer = await client.post("/predict", content=b'{"rows": [' + 2 * SMALL_BYTES * b" ")
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")

    gc.collect()
    gc.disable()
    try:
        asyncio.run(ask())
        assert not [one for one in gc.get_objects() if isinstance(one, InvalidRequestError)]
    finally:
        gc.enable()


def test_the_supervising_process_imports_nothing_of_a_worker():
    code = (
        "import serving.service, sys; "
        "heavy = {'polars', 'sqlalchemy', 'xgboost', 'mlflow', 'pandas', 'serving.app'} & set(sys.modules); "
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
