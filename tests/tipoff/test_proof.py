"""A move is proven by what a running service answers, and what it answers is kept."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts import clock
from contracts.home import Home
from contracts.ports import free_port
from contracts.settings import RegistrySettings, ServingSettings, Settings
from registry.chain import Entry
from registry.proofs import proofs_in
from registry.stages import Stage
from serving.whereabouts import addresses, announced
from tipoff.proof import prove
from tipoff.wiring import Wiring

NEW, OLD = "a" * 64, "b" * 64
LIMIT_SECONDS = 20.0


def entry() -> Entry:
    stages = (Stage.STAGING, Stage.PRODUCTION)
    return Entry(7, "m", 2, "promote", *stages, NEW, clock.now(), "ana", None, None, "p", "h")


@pytest.fixture
def wiring(engine: sa.Engine, tmp_path: Path) -> Wiring:
    settings = Settings(
        registry=RegistrySettings(proof_seconds=LIMIT_SECONDS), serving=ServingSettings(port=free_port())
    )
    return Wiring(Home(tmp_path, "", ""), settings, engine)


@contextmanager
def answering(sha256_now: Callable[[], str]) -> Iterator[int]:
    """A port that answers GET /model as the service does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"sha256": sha256_now()}).encode())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_without_a_service_it_says_so_at_once(wiring: Wiring) -> None:
    began = time.monotonic()
    proof = prove(wiring, entry())
    assert time.monotonic() - began < LIMIT_SECONDS / 2, "a port that nobody listens on needs no waiting"
    assert (proof.outcome, proof.address, proof.sha256) == ("no_service", None, None)
    assert "No service answered" in str(proof)


def test_it_waits_until_the_service_answers_with_the_new_files_and_keeps_that(wiring: Wiring) -> None:
    answers = iter((OLD, OLD))
    with answering(lambda: next(answers, NEW)) as port, announced(wiring.home, "127.0.0.1", port):
        proof = prove(wiring, entry())
    assert (proof.outcome, proof.address, proof.sha256) == ("answered", f"http://127.0.0.1:{port}", NEW)
    assert 0 < proof.seconds < LIMIT_SECONDS / 2
    with wiring.engine.connect() as connection:
        assert proofs_in(connection)[7].to_json() == proof.to_json()


def test_a_service_that_goes_on_with_other_files_is_named_after_the_limit(wiring: Wiring) -> None:
    with answering(lambda: NEW) as good, answering(lambda: OLD) as bad:
        known = wiring.settings.registry.model_copy(
            update={"services": (f"http://127.0.0.1:{bad}",), "proof_seconds": 1.0}
        )
        both = Wiring(wiring.home, wiring.settings.model_copy(update={"registry": known}), wiring.engine)
        with announced(wiring.home, "127.0.0.1", good):
            proof = prove(both, entry())
    assert (proof.outcome, proof.address, proof.sha256) == ("other_version", f"http://127.0.0.1:{bad}", OLD)
    assert proof.seconds >= 1.0
    assert "still answered with sha256 bbbbbbbbbbbb" in str(proof)


def test_a_service_that_was_killed_is_forgotten(wiring: Wiring) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    folder = wiring.home.root / "services"
    folder.mkdir()
    (folder / "3999.json").write_text(json.dumps({"address": "http://127.0.0.1:3999", "pid": child.pid}))
    with announced(wiring.home, "0.0.0.0", 3998):  # noqa: S104 nothing is bound
        assert addresses(wiring.home) == ["http://127.0.0.1:3998"]
    assert list(folder.iterdir()) == []
