"""The door: every request has an id, is counted and logged once, and every refusal has the one shape."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import httpx
import pytest

from contracts.settings import ServingSettings
from serving.app import Endpoints, Room
from serving.door import Door
from serving.logs import JsonLines
from serving.schemas import PredictResponse
from serving.slot import SlotState

SHAPE = {"code", "message", "field", "remedy"}
FEATURES = {"rows": [{"features": {}}]}


class Desk:
    """A desk whose predictions are as told: an answer, or a failure."""

    failure: Exception | None = None

    def at_hand(self, request: object) -> object:
        return request

    async def predict_at_hand(self, _request: object) -> PredictResponse:
        logging.getLogger("tipoff.serving").warning("at work")
        if self.failure is not None:
            raise self.failure
        return PredictResponse(predictions=[])

    @property
    def slot(self) -> Desk:
        return self

    def state(self) -> SlotState:
        return SlotState("degraded", None, "not_ready", "Version 3 does not load.", "Roll back.")


async def bentoml(scope: Any, _receive: Any, send: Any) -> None:
    """Answers as BentoML does: probes in plain text, refusals in shapes of its own."""
    status = {"/livez": 200, "/readyz": 200, "/dead": 503, "/late": 504}.get(scope["path"], 404)
    kind = b"application/json" if status == 504 else b"text/plain"
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", kind), (b"Server", b"BentoML Service/TipoffService")],
        }
    )
    await send({"type": "http.response.body", "body": b'{"error": "Not able', "more_body": True})
    await send({"type": "http.response.body", "body": b' to process the request"}'})


@pytest.fixture
def front() -> Endpoints:
    return Endpoints(Room(Desk(), ServingSettings(), token=None))  # type: ignore[arg-type]  # a fake


@pytest.fixture
def lines() -> Iterator[StringIO]:
    """What the service logs."""
    said, ours = StringIO(), logging.getLogger("tipoff")
    handler = logging.StreamHandler(said)
    handler.setFormatter(JsonLines())
    before = ours.handlers, ours.level, ours.propagate
    ours.handlers, ours.propagate = [handler], False
    ours.setLevel(logging.INFO)
    yield said
    ours.handlers, ours.propagate = before[0], before[2]
    ours.setLevel(before[1])


def ask(front: Endpoints, method: str, path: str, **more: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(Door(bentoml, lambda: front))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.request(method, path, **more)

    return asyncio.run(send())


def told(lines: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_a_callers_request_id_comes_back_and_stands_in_every_line_of_the_log(front, lines):
    answer = ask(front, "POST", "/predict", json=FEATURES, headers={"X-Request-ID": "order-66:a.b_c"})
    assert answer.headers["x-request-id"] == "order-66:a.b_c"
    assert [line["message"] for line in told(lines)] == ["at work", "request"]
    assert {line["request_id"] for line in told(lines)} == {"order-66:a.b_c"}
    last = told(lines)[-1]
    assert (last["method"], last["path"], last["status"], last["level"]) == ("POST", "/predict", 200, "info")
    assert 0 < last["seconds"] < 10


@pytest.mark.parametrize("given", [None, "", "two words", "x" * 129, "a\tb", "ä"])
def test_a_request_without_a_plain_id_gets_one_of_its_own(front, given):
    headers = {} if given is None else {"X-Request-ID": given.encode()}
    made = {ask(front, "POST", "/predict", json=FEATURES, headers=headers).headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2
    assert all(len(each) == 32 for each in made)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/dead", 503, "refused"),
        ("GET", "/late", 504, "too_slow"),
        ("PUT", "/predict", 405, "method_not_allowed"),
        ("OPTIONS", "/predict", 405, "method_not_allowed"),
    ],
)
def test_every_refusal_has_the_one_shape_whoever_refuses(front, method, path, status, code):
    answer = ask(front, method, path, headers={"Origin": "http://elsewhere.example"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert set(answer.json()["error"]) == SHAPE
    assert answer.headers["content-type"] == "application/json"
    assert "server" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("access-control")], "CORS is off"
    if status == 405:
        assert answer.headers["allow"] == "POST"


def test_a_failure_nobody_foresaw_is_logged_with_its_traceback_and_answered_without(front, lines):
    front.room.desk.failure = ZeroDivisionError("secret")
    answer = ask(front, "POST", "/predict", json=FEATURES)
    assert (answer.status_code, "secret" in answer.text) == (500, False)
    failed = [line for line in told(lines) if "traceback" in line]
    assert "ZeroDivisionError: secret" in failed[0]["traceback"]
    assert failed[0]["request_id"] == answer.headers["x-request-id"]


def test_the_probes_say_why_and_are_logged_only_when_they_fail(front, lines):
    assert ask(front, "GET", "/livez").json() == {"status": "alive"}
    ready = ask(front, "GET", "/readyz").json()
    assert (ready["status"], ready["reason"]) == ("degraded", "Version 3 does not load.")
    assert told(lines) == []


def test_a_path_that_is_made_up_makes_no_counter_of_its_own(front):
    for path in ("/predict", "/made", "/up", "/livez"):
        ask(front, "GET", path)
    text = front.metrics.text().decode()
    assert 'tipoff_requests_total{endpoint="other",status="404"} 2.0' in text
    assert 'tipoff_requests_total{endpoint="/predict",status="405"} 1.0' in text
    assert 'tipoff_request_seconds_count{endpoint="/livez"} 1.0' in text
    assert "/made" not in text


def test_requests_are_not_logged_where_the_setting_says_so(front, lines):
    front.log_requests = False
    ask(front, "GET", "/nothing")
    assert told(lines) == []


def test_a_head_is_answered_as_its_get(front):
    answer = ask(front, "HEAD", "/docs")
    assert answer.status_code == 200


def test_an_address_that_asks_too_often_is_a_429_and_is_let_in_again(front, monkeypatch):
    now = 100.0
    monkeypatch.setattr("serving.app.time.monotonic", lambda: now)
    front = Endpoints(Room(front.room.desk, ServingSettings(max_requests_per_second=2), token=None))
    statuses = [ask(front, "POST", "/predict", json=FEATURES).status_code for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    refused = ask(front, "POST", "/predict", json=FEATURES)
    assert (refused.json()["error"]["code"], refused.headers["retry-after"]) == ("too_many_requests", "1")
    assert "More than 2 requests a second" in refused.json()["error"]["message"]
    now += 0.5
    assert [ask(front, "POST", "/predict", json=FEATURES).status_code for _ in range(2)] == [200, 429]
    assert ask(front, "GET", "/livez").status_code == 200
