"""A webhook hears of every decision, signed, once, and again where it failed; the log has them all."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts import clock
from contracts.home import Home
from contracts.settings import RegistrySettings, Settings
from contracts.tables import model_versions
from registry.chain import append, exclusive
from registry.stages import Stage
from tipoff.announcement import announce
from tipoff.webhook import SECRET
from tipoff.wiring import Wiring

KEY = "a secret of the test"


class Listener(HTTPServer):
    """A webhook's receiver that answers with `codes` in turn (the last one for ever) and keeps what it took."""

    def __init__(self, codes: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.codes, self.heard = codes, list[tuple[dict[str, str], bytes]]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((dict(self.headers), content))
        codes = self.server.codes
        self.send_response(codes.pop(0) if len(codes) > 1 else codes[0])
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener([200])
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def wiring(engine: sa.Engine, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wiring:
    """A registry with one version, refused, promoted and rolled back to; the webhook is the listener."""
    monkeypatch.setenv(SECRET, KEY)
    row = {"model_name": "m", "version": 1, "system": "x", "run_id": "r", "artifact_uri": "file:///x", "metrics": []}
    row |= {"sha256": "b" * 64, "feature_set": "f", "feature_set_hash": "h", "build_id": 1, "target": "points"}
    with exclusive(engine) as connection:
        connection.execute(sa.insert(model_versions).values(**row, registered_at=clock.now()))
    settings = Settings(registry=RegistrySettings(webhook_url=listener.url, webhook_attempts=3))
    return Wiring(Home(tmp_path, "", ""), settings, engine)


def decide(wiring: Wiring, action: str, to: Stage = Stage.NONE, *, passed: bool = True) -> None:
    failing = [{"name": "bias", "passed": False, "detail": "-1", "figure": None, "limit": None}]
    verdict = None if action == "rollback" else {"passed": passed, "tests": [] if passed else failing}
    with exclusive(wiring.engine) as connection:
        append(
            connection,
            model_name="m",
            version=1,
            action=action,
            from_stage=Stage.NONE,
            to_stage=to,
            sha256="b" * 64,
            actor="ana",
            reason="why",
            verdict=verdict,
        )


def events(listener: Listener) -> list[str]:
    return [json.loads(content)["event"] for _, content in listener.heard]


def test_promotion_refusal_and_rollback_are_told_signed_and_once(wiring: Wiring, listener: Listener) -> None:
    decide(wiring, "refuse", passed=False)
    assert announce(wiring) is None
    decide(wiring, "promote", Stage.PRODUCTION)
    decide(wiring, "rollback", Stage.PRODUCTION)
    assert announce(wiring) is None
    assert announce(wiring) is None
    assert events(listener) == ["refusal", "promotion", "rollback"]
    headers, content = listener.heard[0]
    told = json.loads(content)
    assert (told["version"], told["actor"], told["reason"], told["failures"]) == (1, "ana", "why", ["bias"])
    signed = hmac.new(KEY.encode(), headers["X-Tipoff-Timestamp"].encode() + b"." + content, hashlib.sha256)
    assert headers["X-Tipoff-Signature"] == f"sha256={signed.hexdigest()}"
    assert (headers["X-Tipoff-Event"], headers["X-Tipoff-Delivery"]) == ("refusal", "1")
    log = [json.loads(line) for line in (wiring.home.root / "registry.log").read_text().splitlines()]
    assert [line["event"] for line in log] == ["refusal", "promotion", "rollback"]


def test_a_failed_delivery_is_tried_again_at_once(wiring: Wiring, listener: Listener) -> None:
    listener.codes = [500, 503, 204]
    decide(wiring, "promote", Stage.PRODUCTION)
    assert announce(wiring) is None
    assert events(listener) == ["promotion"] * 3


def test_what_was_not_taken_is_said_and_told_by_the_next_command_in_order(wiring: Wiring, listener: Listener) -> None:
    listener.codes = [500]
    decide(wiring, "promote", Stage.PRODUCTION)
    said = announce(wiring)
    assert said is not None
    assert "did not take entry 1: it answered 500" in said
    listener.codes = [200]
    decide(wiring, "rollback", Stage.PRODUCTION)
    assert announce(wiring) is None
    assert events(listener) == ["promotion"] * 4 + ["rollback"]


def test_nothing_is_sent_unsigned(wiring: Wiring, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET)
    decide(wiring, "promote", Stage.PRODUCTION)
    said = announce(wiring)
    assert said is not None
    assert SECRET in said
    assert listener.heard == []


def test_a_receiver_that_is_not_there_is_named_and_the_log_has_it_anyway(wiring: Wiring, listener: Listener) -> None:
    gone = wiring.settings.registry.model_copy(update={"webhook_url": "http://127.0.0.1:9/x", "webhook_attempts": 1})
    away = Wiring(wiring.home, wiring.settings.model_copy(update={"registry": gone}), wiring.engine)
    decide(wiring, "promote", Stage.PRODUCTION)
    said = announce(away)
    assert said is not None
    assert "ConnectError" in said
    assert len((wiring.home.root / "registry.log").read_text().splitlines()) == 1
