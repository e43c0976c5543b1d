"""A stop under load: what was begun is answered whole and kept, and the process ends by itself."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from http.client import HTTPConnection, RemoteDisconnected
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from contracts.tables import predictions
from registry.stages import Stage

pytestmark = pytest.mark.slow

N_BEGUN = 16


class Begun:
    """A request whose body is half sent: the service is at work on it."""

    def __init__(self, port: int, row: dict[str, Any]) -> None:
        body = json.dumps({"rows": [row] * 50}).encode()
        self._rest = body[len(body) // 2 :]
        head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2])

    def finish(self) -> tuple[int, dict[str, Any]]:
        """The status and the body of the answer, after which the service closes the connection."""
        self._socket.sendall(self._rest)
        with self._socket, self._socket.makefile("rb") as answer:
            text = answer.read()
        head, _, body = text.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)


def press(port: int, wrong: list[Any], n_right: list[int], place: int) -> None:
    """Ask on a new connection each time until nobody listens any more; an answer that came must be whole."""
    body = json.dumps({"rows": [{"features": {"points_avg_season": 20.0}}]})
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("POST", "/predict", body, {"Content-Type": "application/json", "Connection": "close"})
            answer = connection.getresponse()
        except (ConnectionError, RemoteDisconnected):
            return
        said = answer.read().decode()
        connection.close()
        if answer.status != 200 or json.loads(said)["predictions"][0]["predicted_points"] != 20.0:
            wrong.append(said)
        n_right[place] += 1


def test_requests_in_flight_end_and_their_predictions_are_kept(world, start_service):
    version = world.register("season_average")
    world.move(version, Stage.PRODUCTION)
    row = world.rows().filter(pl.col("points_avg_season").is_not_null()).row(0, named=True)
    ids = {"player_id": row["player_id"], "game_id": row["game_id"]}
    with start_service(world, TIPOFF_SERVING__LOG_REQUESTS="false") as service:
        service.wait_for("/readyz", 200)
        port = int(service.client.base_url.port)
        wrong: list[Any] = []
        n_right = [0] * 8
        threads = [threading.Thread(target=press, args=(port, wrong, n_right, place)) for place in range(len(n_right))]
        for thread in threads:
            thread.start()
        begun = [Begun(port, ids) for _ in range(N_BEGUN)]
        time.sleep(1.0)
        service.process.send_signal(signal.SIGTERM)
        time.sleep(1.0)
        answers = [each.finish() for each in begun]
        assert service.process.wait(timeout=30) == 0
        for thread in threads:
            thread.join(timeout=30)
            assert not thread.is_alive()
    assert [status for status, _ in answers] == [200] * N_BEGUN
    assert all(len(said["predictions"]) == 50 for _, said in answers)
    assert all(each["error"] is None for _, said in answers for each in said["predictions"])
    assert wrong == []
    assert min(n_right) > 0
    with world.engine.connect() as connection:
        kept = connection.execute(sa.select(predictions.c.game_id, predictions.c.player_id)).all()
    assert (row["game_id"], row["player_id"]) in [tuple(each) for each in kept]
