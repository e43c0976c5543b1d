"""The coordinator's endpoints: their keys and statuses to the letter, and what they refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from contracts.settings import CoordinatorSettings
from serving.door import Door
from tipoff.coordinator.app import Endpoints
from tipoff.coordinator.worker import Worker, make_tools

TOKEN = {"Authorization": "Bearer secret"}


class Client:
    """Asks the endpoints in this process, as over HTTP."""

    def __init__(self, front: Endpoints):
        self._transport = httpx.ASGITransport(Door(Starlette(), lambda: front), raise_app_exceptions=False)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://coordinator") as client:
                return await client.request(method, path, **more)

        return asyncio.run(asked())

    def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        return self.ask("POST", path, json=body, **more)


@pytest.fixture
def make_client(make_front) -> Iterator[Callable[..., Client]]:
    """make_client(token=None, health=..., **limits) -> a client; nobody works on the batches."""

    def make(token: str | None = None, health: Callable[[], str | None] = lambda: None, **limits: Any) -> Client:
        return Client(make_front(CoordinatorSettings(**limits), token, health))

    return make


@pytest.fixture
def client(make_client) -> Client:
    return make_client()


def test_a_start_is_202_with_the_batch_and_the_same_date_again_is_the_same_batch(client, world, game_date):
    first = client.post("/start", {"game_date": game_date.isoformat()})
    assert first.status_code == 202
    assert first.json() == {"batch_id": f"{game_date}-r1", "expected": 3 * world.slate().height}
    assert client.post("/start", {"game_date": game_date.isoformat()}).json() == first.json()


def test_the_status_has_every_player_game_and_its_exact_state(client, world, settings, game_date):
    batch_id = client.post("/start", {"game_date": game_date.isoformat()}).json()["batch_id"]
    waiting = client.ask("GET", "/status", params={"batch_id": batch_id}).json()
    assert (waiting["state"], waiting["waiting"], waiting["coverage"]) == ("open", waiting["expected"], 0.0)
    Worker(make_tools(world.engine, world.home, settings)).work_off(lambda: True)
    told = client.ask("GET", "/status", params={"game_date": game_date.isoformat()}).json()
    assert told["batch_id"] == batch_id
    assert (told["state"], told["predicted"] + told["skipped"] + told["failed"]) == ("done", told["expected"])
    assert len(told["players"]) == told["expected"]
    assert {"player_id", "game_id", "system", "state", "reason", "revision"} <= set(told["players"][0])
    states = [player["state"] for player in told["players"]]
    assert {state: states.count(state) for state in set(states)} == {
        state: told[state] for state in ("predicted", "skipped", "failed") if told[state]
    }


def test_a_completion_is_idempotent_and_a_second_state_is_a_409(client, world, game_date):
    batch_id = client.post("/start", {"game_date": game_date.isoformat()}).json()["batch_id"]
    row = world.slate().row(0, named=True)
    said = {"batch_id": batch_id, "player_id": row["player_id"], "game_id": row["game_id"], "system": "xgboost"}
    said |= {"state": "skipped", "reason": "injured"}
    first, again = client.post("/complete", said), client.post("/complete", said)
    assert (first.status_code, first.json()["changed"]) == (200, True)
    assert (again.status_code, again.json()["changed"]) == (200, False)
    other = client.post("/complete", said | {"state": "failed"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "other_state")
    unknown = client.post("/complete", said | {"batch_id": "none"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_batch")


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "field"),
    [
        ("POST", "/start", {"json": {}}, 422, "game_date"),
        ("POST", "/start", {"json": {"game_date": "tomorrow"}}, 422, "game_date"),
        ("POST", "/start", {"json": {"game_date": "2024-03-01", "system": "x"}}, 422, "system"),
        ("POST", "/start", {"content": b'{"game_date": "2024-03-01", "game_date": "2024-03-02"}'}, 422, "game_date"),
        ("POST", "/start", {"content": b"not json"}, 422, None),
        ("POST", "/start", {"json": {"game_date": "2031-01-01"}}, 404, None),
        ("POST", "/complete", {"json": {"batch_id": "b"}}, 422, "player_id"),
        ("GET", "/status", {}, 422, None),
        ("GET", "/status", {"params": {"batch_id": "b", "game_date": "2024-03-01"}}, 422, None),
        ("GET", "/status", {"params": {"game_date": "1.3.2024"}}, 422, "game_date"),
        ("GET", "/status", {"params": {"batch_id": "none"}}, 404, None),
        ("GET", "/start", {}, 405, None),
        ("GET", "/nowhere", {}, 404, None),
    ],
)
def test_every_refusal_has_one_shape(client, method, path, more, status, field):
    answer = client.ask(method, path, **more)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message", "field", "remedy"}
    assert answer.json()["error"]["field"] == field


@pytest.mark.parametrize(("method", "path"), [("POST", "/start"), ("POST", "/complete"), ("GET", "/status")])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer other"}, {"Authorization": "secret"}])
def test_without_the_token_nothing_is_changed_and_nothing_told(make_client, method, path, headers):
    answer = make_client(token="secret").ask(method, path, headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_with_the_token_it_answers(make_client, game_date):
    client = make_client(token="secret")
    assert client.post("/start", {"game_date": game_date.isoformat()}, headers=TOKEN).status_code == 202


def test_a_body_that_is_too_large_is_not_read(make_client):
    assert make_client(max_body_bytes=1000).ask("POST", "/start", content=b"x" * 1001).status_code == 413


def test_readiness_says_what_is_wrong(make_client):
    assert make_client().ask("GET", "/readyz").json() == {"status": "ready"}
    told = make_client(health=lambda: "The worker w has died.").ask("GET", "/readyz")
    assert (told.status_code, told.json()["error"]["message"]) == (503, "The worker w has died.")


def test_requests_are_counted_by_endpoint_and_status(client, game_date):
    client.post("/start", {"game_date": game_date.isoformat()})
    client.ask("GET", "/made-up")
    told = client.ask("GET", "/metrics").text
    assert 'tipoff_coordinator_requests_total{endpoint="/start",status="202"} 1.0' in told
    assert 'endpoint="other",status="404"' in told
