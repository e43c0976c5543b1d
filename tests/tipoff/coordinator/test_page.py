"""The live page: what stands, said to those who bear the token, and nothing that runs but its own script."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from starlette.applications import Starlette

from contracts import clock
from contracts.database import writing
from contracts.jobs import job_run
from contracts.tables import games, ledger, players
from monitoring.alarms import Finding, keep_alarms
from serving.door import Door
from tipoff.coordinator.batches import open_batch
from tipoff.coordinator.board import next_dates
from tipoff.coordinator.expectation import expect
from tipoff.coordinator.worker import Worker, make_tools


@pytest.fixture
def ask(make_front) -> Callable[..., httpx.Response]:
    """ask(path="/", front=None, **headers) -> what a browser gets."""

    def asked(path: str = "/", front: Any = None, **headers: str) -> httpx.Response:
        transport = httpx.ASGITransport(Door(Starlette(), lambda: front or made), raise_app_exceptions=False)

        async def go() -> httpx.Response:
            async with httpx.AsyncClient(transport=transport, base_url="http://coordinator:3001") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(go())

    made = make_front()
    return asked


def words(page: str) -> str:
    """What a reader sees of it."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


@pytest.fixture
def worked(world, settings, game_date) -> str:
    """A batch of the date that has ended; its id."""
    batch, _ = open_batch(world.engine, expect(world.engine, settings, game_date))
    Worker(make_tools(world.engine, world.home, settings)).work_off(lambda: True)
    return batch.batch_id


def test_every_player_of_the_batch_is_there_with_his_state(ask, world, game_date, worked):
    page = ask().text
    with world.engine.connect() as connection:
        query = sa.select(players.c.name, sa.func.count()).join(ledger, ledger.c.player_id == players.c.player_id)
        names = connection.execute(query.group_by(players.c.player_id)).all()
    assert len(names) > 10
    seen = words(page)
    assert worked in seen
    for name, n_systems in names:
        assert re.search(rf"{name} [\d.]+ \([\d.-]+ to [\d.-]+\) {n_systems} predicted", seen), name
    assert f"{len(names)} of {len(names)} 100 %" in seen


def test_what_was_skipped_or_failed_says_why_and_lowers_the_coverage(ask, world, worked):
    with writing(world.engine) as connection:
        changed = {"state": "failed", "reason": "worker_lost", "prediction_id": None}
        n = connection.execute(sa.update(ledger).where(ledger.c.system == "xgboost").values(changed)).rowcount
    seen = words(ask().text)
    assert "2 predicted 1 failed" in seen
    assert "xgboost: worker_lost" in seen
    assert f"xgboost below 95%: {n} worker_lost." in seen


def test_an_empty_date_and_an_empty_home_say_what_is_missing(ask, make_front, engine):
    seen = words(ask(front=make_front(engine=engine)).text)
    for told in ("no batch of", "No games on this date", "No games in the next seven days", "no monitor has spoken"):
        assert told in seen
    assert "nothing has run by itself" in seen
    assert "no version in Production" in seen


def test_a_server_database_is_read_as_the_embedded_one(ask, make_front, server):
    assert "no version in Production" in words(ask(front=make_front(engine=server)).text)


def test_health_alarms_and_runs_are_shown(ask, make_front, world):
    keep_alarms(world.engine, "day", [Finding("not_built", "d", "Nothing is built.", "tipoff features backfill")])
    with job_run(world.engine, "day", date(2024, 3, 1)) as run:
        run.detail = "7 steps."
    seen = words(ask(front=make_front(health=lambda: "The worker w has died.")).text)
    assert "not ready health" in seen
    assert "The worker w has died." in seen
    assert "Nothing is built. Run tipoff features backfill" in seen
    assert "day done 2024-03-01" in seen
    assert "7 steps." in seen


def test_a_script_in_a_players_or_a_teams_name_is_text(ask, world, worked):
    with writing(world.engine) as connection:
        connection.execute(sa.update(players).values(name="<script>alert(1)</script>"))
    page = ask().text
    assert page.count("<script") == 1
    assert '<script src="/page.js" defer="">' in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_page_loads_nothing_but_its_own_script_and_the_header_forbids_all_else(ask, worked):
    answer = ask()
    assert re.findall(r'(?:src|href|action)="([^"]*)"', answer.text) == ["/page.js"]
    assert "http-equiv" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    script = ask("/page.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "http" not in script.text.replace("https", "http").split("//", 1)[0]


def test_with_a_token_a_stranger_sees_no_player_and_is_told_how_to_bear_it(ask, make_front, world, worked):
    front = make_front(token="secret")
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "secret"}):
        answer = ask(front=front, **headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "TIPOFF_API_TOKEN" in answer.text
        assert worked not in answer.text
        assert "predicted" not in answer.text
    known = ask(front=front, authorization="Bearer secret")
    assert known.status_code == 200
    assert worked in known.text


def test_the_form_sends_no_token_in_an_address_where_its_script_does_not_listen_yet(ask, make_front):
    """A form without a method is sent as a query, and a query stands in logs."""
    page = ask(front=make_front(token="secret")).text
    fields = re.findall("<input[^>]*>", page)
    assert fields
    assert not [field for field in fields if " name=" in field]


def test_the_address_of_a_request_is_text_in_the_page_of_strangers(ask, make_front):
    page = ask(front=make_front(token="secret"), host='x"><script>alert(1)</script>').text
    assert page.count("<script") == 1


def test_any_date_can_be_asked_for_and_what_is_none_is_a_422(ask, world, worked):
    assert "2024-07-01" in words(ask("/?date=2024-07-01").text)
    for wrong in ("/?date=tomorrow", "/?day=2024-03-01", "/?date=2024-03-01&date=2024-03-02"):
        assert ask(wrong).status_code == 422


def test_the_next_dates_are_those_of_a_week_with_their_batches(world, settings, game_date, worked):
    found = next_dates(world.engine, game_date)
    assert (found[0].game_date, found[0].batch_id) == (game_date, worked)
    with world.engine.connect() as connection:
        span = games.c.game_date.between(game_date, game_date + timedelta(days=7))
        expected = connection.execute(sa.select(sa.func.count()).select_from(games).where(span)).scalar_one()
    assert sum(each.n_games for each in found) == expected


def test_today_is_shown_where_it_has_games(ask, world, game_date):
    noon = datetime(game_date.year, game_date.month, game_date.day, 17, tzinfo=UTC)
    with clock.moved_to(noon):
        seen = words(ask().text)
    assert f"{game_date:%A} {game_date}" in seen
    assert "which this page is not about" not in seen


def test_a_database_that_is_away_is_a_503(ask, make_front, tmp_path):
    away = sa.create_engine(f"sqlite:///{tmp_path / 'none' / 'tipoff.db'}")
    assert ask(front=make_front(engine=away)).status_code == 503
