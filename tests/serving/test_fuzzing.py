"""Whatever is sent: no 5xx, nothing that the OpenAPI does not say, no leak, and the service goes on as before."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import requests
from schemathesis import GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from registry.stages import Stage

pytestmark = pytest.mark.slow

N_CASES = 10_000
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
HEALTHY = list(hypothesis.HealthCheck)
"""Cases come slowly from a schema: that says nothing about the service."""
QUICK = {"rows": [{"features": {"points_avg_season": 20.0}}]}


@pytest.fixture(scope="module")
def service(open_world: Any, start_service: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    world = open_world(tmp_path_factory.mktemp("fuzz") / "home")
    world.move(world.register("xgboost"), Stage.PRODUCTION)
    with start_service(world, TIPOFF_SERVING__BODY_SECONDS="3", TIPOFF_SERVING__LOG_REQUESTS="false") as running:
        running.wait_for("/readyz", 200)
        yield running
        assert running.client.get("/readyz").json()["status"] == "ready"
        assert "traceback" not in running.log().lower()
    world.engine.dispose()


def test_ten_thousand_cases_made_from_the_openapi_find_nothing_it_does_not_say(service):
    base = str(service.client.base_url)
    operations = [each.ok() for each in openapi.from_url(f"{base}/docs.json").get_all_operations()]
    posts = [each for each in operations if each.method == "post"]
    done: dict[str, int] = {}
    for operation in operations:
        for mode in GenerationMode if operation in posts else (GenerationMode.POSITIVE,):
            n = N_CASES // (2 * len(posts)) if operation in posts else 20
            with requests.Session() as session:
                done[f"{operation.label} {mode.value}"] = send_cases(operation, mode, n, base, session)
    assert sum(done.values()) >= N_CASES * 0.95, done


def send_cases(operation: Any, mode: GenerationMode, n: int, base: str, session: requests.Session) -> int:
    """Send `n` cases of one operation, each held to what the description says; returns how many were sent."""
    sent: list[int] = []

    @hypothesis.settings(
        max_examples=n,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        response = case.call(base_url=base, session=session, timeout=30)
        sent.append(response.status_code)
        case.validate_response(response, checks=CHECKS)

    send()
    return len(sent)


HOSTILE: list[tuple[str, bytes, int]] = [
    ("nothing", b"", 422),
    ("no JSON", b"{", 422),
    ("bytes that are no text", b"\xff\xfe\x00", 422),
    ("NaN", b'{"rows": [{"features": {"pace_score": NaN}}]}', 422),
    ("Infinity", b'{"rows": [{"features": {"pace_score": -Infinity}}]}', 422),
    ("a number beyond float64", b'{"rows": [{"features": {"pace_score": 1e999}}]}', 422),
    ("a number of 100,000 digits", b'{"rows": [{"player_id": ' + b"9" * 100_000 + b', "game_id": "0022300001"}]}', 422),
    ("a list for a number", b'{"rows": [{"features": {"pace_score": [1]}}]}', 422),
    ("a text for the rows", b'{"rows": "all"}', 422),
    ("a unicode name", '{"rows": [{"features": {"π_score\u202e😀": 1}}]}'.encode(), 422),
    ("half of a surrogate pair", b'{"rows": [{"features": {"\\ud800": 1}}]}', 422),
    ("a null character", b'{"rows": [{"features": {"\\u0000": 1}}], "system": "a"}', 404),
    ("deep lists", b"[" * 100_000, 422),
    ("deep objects", b'{"rows":' * 50_000, 422),
    ("10,000 rows", json.dumps({"rows": [{"features": {}}] * 10_000}).encode(), 422),
    ("10 MB", b'{"rows": [' + b" " * 10_000_000 + b"]}", 413),
    ("an unknown player", b'{"rows": [{"player_id": 1, "game_id": "0022300001"}]}', 200),
]


@pytest.mark.parametrize(("name", "content", "status"), HOSTILE, ids=[name for name, _, _ in HOSTILE])
def test_a_hostile_body_gets_its_status_and_the_one_shape(service, name, content, status):
    answer = service.client.post("/predict", content=content)
    assert answer.status_code == status, answer.text[:500]
    if status != 200:
        assert set(answer.json()["error"]) == {"code", "message", "field", "remedy"}
        assert len(answer.content) < 10_000, "no echo of what was sent"


def test_slow_and_half_sent_bodies_end_in_time_and_hold_nobody_up(service):
    address = (service.client.base_url.host, service.client.base_url.port)
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    slow = [socket.create_connection(address, timeout=10) for _ in range(100)]
    for place, each in enumerate(slow):
        each.sendall(head + b'{"rows"' if place % 2 else head[:60])
    started = time.monotonic()
    assert service.predict(QUICK["rows"]).status_code == 200
    assert time.monotonic() - started < 3
    for place, each in enumerate(slow):
        if place % 2:
            assert each.recv(4096).startswith(b"HTTP/1.1 408")
        each.close()
    assert service.predict(QUICK["rows"]).status_code == 200


def test_two_hundred_connections_at_once_are_all_answered(service):
    url = service.client.base_url
    content = json.dumps(QUICK).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    everybody = asyncio.Barrier(200)

    async def ask() -> list[int]:
        reader, writer = await asyncio.open_connection(url.host, url.port)
        statuses = []
        async with everybody:
            for _ in range(3):
                writer.write(head + content)
                answer = await reader.readuntil(b"\r\n\r\n")
                length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.split(b":")[1]))
                statuses.append(int(answer.split()[1]))
        writer.close()
        return statuses

    async def ask_all() -> list[int]:
        return [status for each in await asyncio.gather(*(ask() for _ in range(200))) for status in each]

    statuses = asyncio.run(ask_all())
    assert len(statuses) == 600
    assert set(statuses) <= {200, 429}, "one too many at once is told so"
    assert statuses.count(200) >= 200


def test_what_is_refused_leaves_nothing_behind(service):
    pid = service.worker()

    def send(n: int) -> None:
        for _ in range(n):
            for _, content, _ in HOSTILE:
                if len(content) < 1_000_000:
                    service.client.post("/predict", content=content)

    send(10)
    before, files = service.worker_mb(), n_files(pid)
    send(20)
    assert service.worker_mb() - before < 10
    assert n_files(pid) <= files + 2


def n_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
