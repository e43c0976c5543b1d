"""Alarms and milestones are told once to each address, signed, again where it failed, and with how they ended."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import tipoff.alerts
from contracts import clock
from contracts.database import writing
from contracts.events import BACKFILL_DONE, record_milestone, undelivered
from contracts.home import Home
from contracts.settings import AlertsSettings, Settings
from contracts.tables import job_runs, monitor_readings, outbox
from monitoring.alarms import Finding, keep_alarms
from tests.tipoff.test_announcement import KEY, Listener
from tipoff.alerts import tell_alarms
from tipoff.webhook import SECRET

STALE = Finding("batch_open", "2024-03-01-r1", "Batch 2024-03-01-r1 has been open for 40 minutes.", "tipoff worker")


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener([200])
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


class Post:
    """A home whose alerts go to the listener."""

    def __init__(self, engine: sa.Engine, root: Path, url: str, **changes: Any) -> None:
        self.engine, self.root, self.home = engine, root, Home(root, "", "")
        chosen = {"webhook_url": url, "webhook_attempts": 3, "webhook_timeout_seconds": 2.0} | changes
        self.settings = Settings(alerts=AlertsSettings(**chosen))

    def tell(self) -> str | None:
        return tell_alarms(self.home, self.settings, self.engine)

    def find(self, *findings: Finding, origin: str = "coordinator") -> None:
        keep_alarms(self.engine, origin, findings)

    def log(self) -> list[dict[str, Any]]:
        path = self.root / "alerts.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def post(engine: sa.Engine, tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Post:
    monkeypatch.setenv(SECRET, KEY)
    return Post(engine, tmp_path, listener.url)


def heard(listener: Listener) -> list[str]:
    return [json.loads(content)["id"] for _, content in listener.heard]


def test_one_message_says_what_on_what_evidence_since_when_and_the_command(post: Post, listener: Listener) -> None:
    post.find(STALE)
    assert post.tell() is None
    headers, content = listener.heard[0]
    told = json.loads(content)
    assert (told["event"], told["id"], told["origin"]) == ("alarm.raised", "alarm-1-raised", "coordinator")
    assert [told[name] for name in ("name", "subject", "message", "remedy")] == list(vars(STALE).values())
    assert abs(datetime.fromisoformat(told["since"]) - clock.now()) < timedelta(minutes=1)
    assert set(told["evidence"]) == {"seen_at"}
    signed = hmac.new(KEY.encode(), headers["X-Tipoff-Timestamp"].encode() + b"." + content, hashlib.sha256)
    assert headers["X-Tipoff-Signature"] == f"sha256={signed.hexdigest()}"
    assert (headers["X-Tipoff-Event"], headers["X-Tipoff-Delivery"]) == ("alarm.raised", "alarm-1-raised")
    assert post.log() == [told]


def test_it_is_told_once_and_how_it_ended_once(post: Post, listener: Listener) -> None:
    post.find(STALE)
    for _ in range(2):
        assert post.tell() is None
    post.find(STALE)
    assert post.tell() is None
    post.find()
    for _ in range(2):
        assert post.tell() is None
    assert heard(listener) == ["alarm-1-raised", "alarm-1-resolved"]
    ended = post.log()[-1]
    assert (ended["event"], ended["name"], ended["remedy"]) == ("alarm.resolved", "batch_open", "tipoff worker")
    assert ended["resolved_at"] >= ended["since"]


def test_what_comes_again_is_told_again(post: Post, listener: Listener) -> None:
    for findings in ((STALE,), (), (STALE,)):
        post.find(*findings)
        assert post.tell() is None
    assert heard(listener) == ["alarm-1-raised", "alarm-1-resolved", "alarm-2-raised"]


def test_a_webhook_that_fails_twice_is_tried_until_it_takes_it(post: Post, listener: Listener) -> None:
    listener.codes = [500, 503, 204]
    post.find(STALE)
    assert post.tell() is None
    assert heard(listener) == ["alarm-1-raised"] * 3
    assert post.tell() is None
    assert len(listener.heard) == 3


def test_a_webhook_that_refuses_is_told_by_the_next_call_and_the_log_at_once(post: Post, listener: Listener) -> None:
    listener.codes = [403]
    post.find(STALE)
    said = post.tell()
    assert said is not None
    assert "did not take alarm-1-raised: it answered 403" in said
    assert [line["id"] for line in post.log()] == ["alarm-1-raised"]
    listener.codes = [200]
    assert post.tell() is None
    assert heard(listener) == ["alarm-1-raised"] * 4
    assert len(post.log()) == 1


def test_an_alarm_that_a_webhook_never_heard_of_is_not_resolved_to_it(post: Post, listener: Listener) -> None:
    listener.codes = [500]
    post.find(STALE)
    assert post.tell() is not None
    post.find()
    listener.codes = [200]
    assert post.tell() is None
    assert [json.loads(content)["event"] for _, content in listener.heard] == ["alarm.raised"] * 3
    assert [line["event"] for line in post.log()] == ["alarm.raised", "alarm.resolved"]


def test_a_webhook_that_is_slow_or_away_costs_its_time_and_no_alarm(
    engine: sa.Engine, tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, KEY)
    listener.socket.listen(0)
    away = Post(engine, tmp_path, "http://127.0.0.1:9/x", webhook_attempts=1)
    away.find(STALE)
    said = away.tell()
    assert said is not None
    assert "ConnectError" in said
    slow = Post(engine, tmp_path, listener.url, webhook_attempts=1, webhook_timeout_seconds=0.2)
    held = threading.Lock()
    held.acquire()
    monkeypatch.setattr(listener, "finish_request", lambda *_: held.acquire(timeout=5))
    said = slow.tell()
    held.release()
    assert said is not None
    assert "ReadTimeout" in said
    assert len(away.log()) == 1


def test_nothing_is_sent_unsigned(post: Post, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET)
    post.find(STALE)
    said = post.tell()
    assert said is not None
    assert SECRET in said
    assert listener.heard == []
    assert len(post.log()) == 1


def test_killed_between_telling_and_keeping_it_is_told_again_under_the_same_id(
    post: Post, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once; the id lets a receiver drop the second."""

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    post.find(STALE)
    with monkeypatch.context() as patch:
        patch.setattr(tipoff.alerts, "_keep", die)
        with pytest.raises(KeyboardInterrupt):
            post.tell()
    assert post.tell() is None
    assert [line["id"] for line in post.log()] == ["alarm-1-raised"] * 2
    with monkeypatch.context() as patch:
        post.find()
        keep = tipoff.alerts._keep
        patch.setattr(
            tipoff.alerts, "_keep", lambda engine, said, to: keep(engine, said, to) if to == "alerts.log" else die()
        )
        with pytest.raises(KeyboardInterrupt):
            post.tell()
    assert post.tell() is None
    assert heard(listener) == ["alarm-1-raised", "alarm-1-resolved", "alarm-1-resolved"]


def test_callers_at_once_tell_it_once(post: Post, listener: Listener) -> None:
    post.find(*(Finding("given_up", f"b{n}", "m", "r") for n in range(10)))
    threads = [threading.Thread(target=post.tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(heard(listener)) == sorted(f"alarm-{n}-raised" for n in range(1, 11))


def test_an_alarm_of_a_monitor_shows_its_readings_and_one_of_a_day_its_runs(post: Post) -> None:
    reading = {"monitor": "bias", "subject": "xgboost", "value": 1.2, "limit_value": 0.75, "n": 300, "is_bad": True}
    run = {"job": "day.predict", "game_date": date(2024, 3, 2), "state": "failed", "started_at": clock.now()}
    with writing(post.engine) as connection:
        for day in range(1, 6):
            about = {"game_date": date(2024, 3, day), "detail": f"day {day}", "read_at": clock.now()}
            connection.execute(sa.insert(monitor_readings).values(reading | about))
        connection.execute(sa.insert(job_runs).values(run | {"detail": "no model"}))
    post.find(Finding("bias", "xgboost", "m", "r"), origin="monitors")
    post.find(Finding("predict_failed", "2024-03-02", "m", "r"), origin="day")
    assert post.tell() is None
    by_origin = {line["origin"]: line["evidence"] for line in post.log()}
    readings = by_origin["monitors"]["readings"]
    assert [row["detail"] for row in readings] == ["day 5", "day 4", "day 3"]
    assert readings[0] == {"game_date": "2024-03-05", "value": 1.2, "limit_value": 0.75, "n": 300, "detail": "day 5"}
    assert by_origin["day"]["runs"][0]["detail"] == "no model"


def test_a_milestone_is_told_once_and_only_for_a_day(post: Post, listener: Listener) -> None:
    with writing(post.engine) as connection:
        record_milestone(
            connection, BACKFILL_DONE, "build 1", "Build 1 is done.", "tipoff features status", {"rows": 5}
        )
        record_milestone(connection, BACKFILL_DONE, "build 0", "Long ago.", "x", {})
        old = sa.update(outbox).where(outbox.c.subject == "build 0")
        connection.execute(old.values(recorded_at=datetime(2024, 1, 1, tzinfo=UTC)))
    for _ in range(2):
        assert post.tell() is None
    (told,) = post.log()
    assert (told["event"], told["subject"]) == ("milestone.backfill_done", "build 1")
    assert (told["message"], told["remedy"], told["evidence"]) == (
        "Build 1 is done.",
        "tipoff features status",
        {"rows": 5},
    )
    assert heard(listener) == [told["id"]]
    assert undelivered(post.engine, "http://a-subscriber", ("predictions.completed",), 10) == []


def test_without_a_webhook_the_log_has_it_all(engine: sa.Engine, tmp_path: Path) -> None:
    quiet = Post(engine, tmp_path, "", webhook_url=None)
    quiet.find(STALE)
    assert quiet.tell() is None
    assert len(quiet.log()) == 1


def test_postgresql_is_told_of_as_well(postgres: sa.Engine, tmp_path: Path, listener: Listener, post: Post) -> None:
    """`post` has set the secret; the database is another one."""
    server = Post(postgres, tmp_path, listener.url)
    for findings in ((STALE,), ()):
        server.find(*findings)
        for _ in range(2):
            assert server.tell() is None
    with writing(postgres) as connection:
        record_milestone(connection, BACKFILL_DONE, "build 1", "m", "r", {})
    for _ in range(2):
        assert server.tell() is None
    assert [line["event"] for line in server.log()] == ["alarm.raised", "alarm.resolved", "milestone.backfill_done"]
    assert len(listener.heard) == 3
