"""Events, from the builders' transaction to a batch that starts once: duplicates, reordering, failures, lost ones."""

from __future__ import annotations

import asyncio
import base64
import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from starlette.applications import Starlette

from contracts import clock
from contracts.database import writing
from contracts.events import FEATURES_COMPLETED, PREDICTIONS_COMPLETED, record_events, undelivered
from contracts.tables import batches, build_units, builds, event_inbox, outbox
from features.builders.compute import BUILDERS
from features.table.backfill import backfill
from serving.door import Door
from tipoff.coordinator.batches import find_batch
from tipoff.coordinator.relay import Address, relay
from tipoff.coordinator.work import work_off

AT = datetime(2024, 3, 1, 12, tzinfo=UTC)


def event(builder: str, day: Any, number: int = 1, status: str = "complete", rows: int = 9, **more: Any) -> dict:
    return {
        "specversion": "1.0",
        "id": f"{builder}-{number}",
        "source": "test",
        "type": "features.completed",
        "time": (AT + timedelta(minutes=number)).isoformat(),
        "data": {"game_date": str(day), "builder": builder, "status": status, "rows": rows},
        **more,
    }


def count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


@pytest.fixture
def post(make_front):
    """post(body, **headers) -> the coordinator's answer to an event."""
    front = make_front()
    transport = httpx.ASGITransport(Door(Starlette(), lambda: front), raise_app_exceptions=False)

    def ask(body: Any, **headers: str) -> httpx.Response:
        async def asked() -> httpx.Response:
            async with httpx.AsyncClient(transport=transport, base_url="http://coordinator") as client:
                return await client.post("/events", json=body, headers=headers)

        return asyncio.run(asked())

    return ask


def test_when_all_five_builders_are_complete_the_batch_starts_once(post, world, game_date):
    for builder in BUILDERS[:-1]:
        answer = post(event(builder, game_date))
        assert (answer.status_code, answer.json()["batch_id"]) == (202, None)
    assert answer.json()["detail"] == f"waits for {BUILDERS[-1]} (silent)"
    last = post(event(BUILDERS[-1], game_date)).json()
    assert last == {"outcome": "taken", "detail": None, "batch_id": f"{game_date}-r1"}
    again = post(event(BUILDERS[-1], game_date)).json()
    assert (again["outcome"], again["batch_id"]) == ("duplicate", last["batch_id"])
    assert (count(world.engine, batches), count(world.engine, event_inbox)) == (1, 5)


def test_the_order_in_which_they_come_is_nothing_and_the_latest_word_of_a_builder_counts(post, world, game_date):
    post(event(BUILDERS[0], game_date, number=3, status="failed"))
    for builder in reversed(BUILDERS):
        answer = post(event(builder, game_date, number=2))
    assert answer.json()["detail"] == f"waits for {BUILDERS[0]} (failed)", "it failed after it had been complete"
    assert count(world.engine, batches) == 0
    assert post(event(BUILDERS[0], game_date, number=4)).json()["batch_id"] is not None


@pytest.mark.parametrize(
    ("change", "waits"),
    [({"status": "partial"}, "partial"), ({"status": "failed"}, "failed"), ({"rows": 0}, "partial")],
)
def test_failures_partial_results_and_success_with_zero_rows_start_nothing(post, world, game_date, change, waits):
    for builder in BUILDERS[1:]:
        post(event(builder, game_date))
    answer = post(event(BUILDERS[0], game_date, **change))
    assert answer.json() == {"outcome": "taken", "detail": f"waits for {BUILDERS[0]} ({waits})", "batch_id": None}
    assert count(world.engine, batches) == 0


@pytest.mark.parametrize(
    "change", [{"builder": "player_moods"}, {"status": "half_done"}]
)  # fmt: skip
def test_an_unknown_builder_or_status_is_kept_and_counts_for_nothing(post, world, game_date, change):
    told = event(BUILDERS[0], game_date)
    told["data"] |= change
    answer = post(told)
    assert (answer.status_code, answer.json()["outcome"]) == (202, "ignored")
    assert next(iter(change.values())) in answer.json()["detail"]
    with world.engine.connect() as connection:
        assert connection.scalar(sa.select(event_inbox.c.ignored)) is not None


def test_other_types_are_ignored(post, world):
    answer = post(event(BUILDERS[0], "2024-03-01", type="predictions.completed"))
    assert (answer.status_code, answer.json()["outcome"]) == (202, "ignored")


def test_the_binary_mode_and_the_pub_sub_envelope_are_the_same_event(post, world, game_date):
    structured = event(BUILDERS[0], game_date)
    assert post(structured).json()["outcome"] == "taken"
    attributes = {f"ce-{name}": structured[name] for name in ("specversion", "id", "source", "type", "time")}
    assert post(structured["data"], **attributes).json()["outcome"] == "duplicate"
    pushed = {"message": {"data": encoded(structured), "messageId": "1"}, "subscription": "projects/p/subscriptions/s"}
    assert post(pushed).json()["outcome"] == "duplicate"
    beside = {"message": {"data": encoded(structured["data"]), "attributes": attributes, "messageId": "2"}}
    assert post(beside).json()["outcome"] == "duplicate"
    assert count(world.engine, event_inbox) == 1


def encoded(body: Any) -> str:
    return base64.b64encode(json.dumps(body).encode()).decode()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], None),
        ({"specversion": "0.3"}, "specversion"),
        (event("b", "2024-03-01", id=""), "id"),
        (event("b", "2024-03-01", source=5), "source"),
        (event("b", "2024-03-01", data="text"), "data"),
        (event("b", "2024-03-01", time="noon"), "time"),
        (event("b", "soon"), "data.game_date"),
        (event("b", "2024-03-01", rows=-1), "data.rows"),
        (event("b", "2024-03-01", rows=True), "data.rows"),
        ({"message": {"data": "%%%"}}, "message.data"),
        ({"message": {"data": base64.b64encode(b"no json").decode()}}, None),
    ],
)
def test_what_is_no_event_is_a_422_that_names_the_field_and_is_not_kept(post, world, body, field):
    answer = post(body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)
    assert count(world.engine, event_inbox) == 0


def test_events_of_a_date_that_is_played_open_no_second_revision(post, world, settings, game_date):
    for builder in BUILDERS:
        post(event(builder, game_date))
    work_off(world.engine, world.home, settings, f"{game_date}-r1")
    world.register("season_average", seed=9)  # other versions answer now
    answer = post(event(BUILDERS[0], game_date, number=2)).json()
    assert answer == {"outcome": "taken", "detail": "its games have begun", "batch_id": f"{game_date}-r1"}
    assert count(world.engine, batches) == 1


# ---------------------------------------------------------------- the outbox
def completions(engine: sa.Engine) -> list[dict[str, Any]]:
    """What was recorded of builders; milestones are not for subscribers."""
    query = sa.select(outbox.c.data).where(outbox.c.type == FEATURES_COMPLETED)
    with engine.connect() as connection:
        return list(connection.scalars(query))


def test_a_backfill_tells_nobody_unless_asked(world, settings, game_date):
    backfill(world.engine, world.feature_set, settings, date_from=game_date, date_to=game_date, rebuild=True)
    assert completions(world.engine) == []


def test_a_backfill_records_each_builder_of_each_date_with_its_rows(world, settings, game_date):
    report = backfill(
        world.engine, world.feature_set, settings, date_from=game_date, date_to=game_date, rebuild=True, publish=True
    )
    told = {data["builder"]: data for data in completions(world.engine)}
    with world.engine.connect() as connection:
        units = connection.execute(sa.select(build_units).where(build_units.c.game_date == game_date)).all()
    assert set(told) == set(BUILDERS)
    assert {(unit.builder, unit.n_rows) for unit in units} == {(name, data["rows"]) for name, data in told.items()}
    assert {(data["status"], data["game_date"], data["build_id"]) for data in told.values()} == {
        ("complete", game_date.isoformat(), report.build_id)
    }


@pytest.mark.parametrize("error", [RuntimeError("the disk is full"), KeyboardInterrupt()], ids=["failed", "Ctrl-C"])
def test_a_chunk_that_is_not_written_is_not_told(world, settings, game_date, monkeypatch, error):
    """The event stands in the transaction of its rows: where they are rolled back, so is it; the failure is told."""

    def fail(*_args: Any) -> None:
        raise error

    monkeypatch.setattr("features.table.backfill._finish", fail)
    with pytest.raises(type(error)):
        backfill(
            world.engine,
            world.feature_set,
            settings,
            date_from=game_date,
            date_to=game_date,
            rebuild=True,
            publish=True,
        )
    statuses = completions(world.engine)
    assert {(told["status"], told["rows"]) for told in statuses} == {("failed", 0)}
    assert len(statuses) == len(BUILDERS)


def test_nobody_is_told_of_a_build_before_it_has_ended(world):
    with writing(world.engine) as connection:
        build_id = connection.scalar(sa.select(sa.func.max(builds.c.build_id)))
        connection.execute(sa.update(builds).where(builds.c.build_id == build_id).values(state="running"))
        record_events(connection, FEATURES_COMPLETED, "s", [{"n": 1}], build_id=build_id)
        record_events(connection, FEATURES_COMPLETED, "s", [{"n": 2}])
    told = [each.data for each in undelivered(world.engine, "http://a", (FEATURES_COMPLETED,), 10)]
    assert told == [{"n": 2}]
    with writing(world.engine) as connection:
        connection.execute(sa.update(builds).values(state="done"))
    assert len(undelivered(world.engine, "http://a", (FEATURES_COMPLETED,), 10)) == 2


class Subscriber(http.server.BaseHTTPRequestHandler):
    """Takes events, or answers as `statuses` say, one a request."""

    took: list[dict[str, Any]]
    statuses: list[int]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.statuses.pop(0) if self.statuses else 204
        if status == 204:
            self.took.append({**body, "as": self.headers["Content-Type"], "bearer": self.headers["Authorization"]})
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


@pytest.fixture
def subscriber() -> Iterator[tuple[str, type[Subscriber]]]:
    """The address of somebody who takes events, and what he took."""
    handler = type("Handler", (Subscriber,), {"took": [], "statuses": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", handler
    server.shutdown()
    server.server_close()
    thread.join()


def test_events_are_told_as_cloudevents_in_order_until_they_are_taken(engine, subscriber):
    url, handler = subscriber
    handler.statuses += [500]
    with writing(engine) as connection:
        for number in (1, 2, 3):
            record_events(connection, PREDICTIONS_COMPLETED, "s", [{"n": number}])
    to = [Address(url)]
    assert "500" in relay(engine, to)[url]
    assert handler.took == [], "the first was not taken: the others wait"
    assert relay(engine, to) == {}
    assert [told["data"]["n"] for told in handler.took] == [1, 2, 3]
    assert {(told["specversion"], told["type"], told["as"]) for told in handler.took} == {
        ("1.0", "predictions.completed", "application/cloudevents+json")
    }
    assert relay(engine, to) == {}
    assert len(handler.took) == 3, "what was taken is not told again"


def test_an_event_that_is_refused_keeps_no_other_from_its_way(engine, subscriber):
    url, handler = subscriber
    handler.statuses += [422]
    with writing(engine) as connection:
        for number in (1, 2):
            record_events(connection, PREDICTIONS_COMPLETED, "s", [{"n": number}])
    assert "422" in relay(engine, [Address(url)])[url]
    assert [told["data"]["n"] for told in handler.took] == [2]


def test_the_token_goes_to_our_own_coordinator_and_to_nobody_else(engine, subscriber):
    url, handler = subscriber
    with writing(engine) as connection:
        record_events(connection, FEATURES_COMPLETED, "s", [{"n": 1}])
    relay(engine, [Address(url, token="secret"), Address(url + "/other")])
    assert [told["bearer"] for told in handler.took] == ["Bearer secret", None]


def test_nobody_there_costs_nothing_but_time(engine):
    with writing(engine) as connection:
        record_events(connection, FEATURES_COMPLETED, "s", [{"n": 1}])
    assert "ConnectError" in relay(engine, [Address("http://127.0.0.1:9/events")])["http://127.0.0.1:9/events"]
    assert len(undelivered(engine, "http://127.0.0.1:9/events", (FEATURES_COMPLETED,), 10)) == 1


def test_a_batch_that_ends_is_told_with_its_counts(post, world, settings, game_date):
    for builder in BUILDERS:
        post(event(builder, game_date))
    work_off(world.engine, world.home, settings, f"{game_date}-r1")
    told = undelivered(world.engine, "http://a", (PREDICTIONS_COMPLETED,), 10)
    assert len(told) == 1
    data = told[0].data
    assert (data["game_date"], data["revision"]) == (game_date.isoformat(), 1)
    assert data["systems"] == ["last_10_average", "season_average", "xgboost"]
    assert data["expected"] == data["predicted"] + data["skipped"] + data["failed"] == 3 * world.slate().height
    assert data["coverage"] == data["predicted"] / data["expected"]
    assert find_batch(world.engine).ended_at <= clock.now()
