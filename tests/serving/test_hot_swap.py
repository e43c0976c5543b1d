"""Promotions and rollbacks under load: no request fails, each answer is wholly of one version, memory stays level."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest

from registry.stages import Stage
from registry.versions import production

pytestmark = pytest.mark.slow

CONNECTIONS = 8
SECONDS = 60
SWAPS = 10
ROW = {"features": {"points_avg_season": 20.0, "points_avg_last_10": 10.0}}
SAYS = {"season_average": 20.0, "last_10_average": 10.0}


@pytest.fixture(scope="module")
def service(open_world: Any, start_service: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    world = open_world(tmp_path_factory.mktemp("swap") / "home")
    versions = [world.register(system) for system in SAYS]
    world.move(versions[0], Stage.PRODUCTION)
    with start_service(world, TIPOFF_SERVING__LOG_REQUESTS="false") as running:
        running.wait_for("/readyz", 200)
        yield running
    world.engine.dispose()


def swap(service: Any) -> Any:
    """The other of the two versions goes live; waits until it answers, five seconds at most."""
    world, now = service.world, production(service.world.engine)
    other = next(each for each in world.versions() if each.version != now.version)
    world.move(other, Stage.PRODUCTION, leaving=now)
    decided = time.monotonic()
    while service.client.get("/model").json()["version"] != other.version:
        assert time.monotonic() - decided < 5
        time.sleep(0.05)
    return other


def faults_of(answer: httpx.Response) -> list[str]:
    """The answer's text where it failed, or is not wholly of one version."""
    said = answer.json().get("predictions", [])
    is_one = len({(each["system"], each["model_sha256"]) for each in said}) == 1
    is_right = all(each["predicted_points"] == SAYS[each["system"]] for each in said)
    return [] if answer.status_code == 200 and is_one and is_right else [answer.text]


def test_ten_swaps_in_a_minute_of_load_fail_no_request_and_mix_no_answer(service):
    faults: list[Any] = []
    seen: set[str] = set()
    n_answers = [0] * CONNECTIONS
    until = time.monotonic() + SECONDS

    def ask(place: int) -> None:
        with httpx.Client(base_url=service.client.base_url, timeout=30) as client:
            while time.monotonic() < until:
                answer = client.post("/predict", json={"rows": [ROW] * (1 + 11 * (n_answers[place] % 2))})
                faults.extend(faults_of(answer))
                seen.update(each["system"] for each in answer.json().get("predictions", []))
                n_answers[place] += 1

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for number in range(SWAPS):
        while time.monotonic() < until - SECONDS + (number + 1) * SECONDS / (SWAPS + 1):
            time.sleep(0.05)
        swap(service)
    for thread in threads:
        thread.join()
    assert faults == []
    assert seen == set(SAYS)
    assert min(n_answers) > 10 * SWAPS


def test_after_fifty_swaps_memory_is_level(service):
    for _ in range(10):
        swap(service)  # both versions, and all that a swap imports, are there
    before = service.worker_mb()
    for _ in range(50):
        swap(service)
    assert service.worker_mb() - before < 10
    text = service.client.get("/metrics").text
    swaps = float(text.split("\ntipoff_swaps_total ")[1].split("\n")[0])
    assert swaps >= 60


def test_a_connection_that_was_idle_for_longer_than_clients_keep_theirs_still_answers(service):
    address = service.client.base_url
    connection = HTTPConnection(address.host, address.port, timeout=30)
    connection.connect()
    opened = connection.sock.getsockname()
    for idle_seconds in (0.0, 6.0):  # httpx gives its own up after 5
        time.sleep(idle_seconds)
        connection.request("GET", "/model")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        assert connection.sock.getsockname() == opened, "another connection was made"
    connection.close()
