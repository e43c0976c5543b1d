"""`tipoff batch`, `tipoff coordinator` and `tipoff worker`, as a user starts them."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from contracts.clock import league_date, now
from contracts.database import writing
from contracts.ports import free_port
from contracts.tables import games, job_runs, predictions
from tests.tipoff.conftest import PROJECT, answers, wait_until

KEYS = {"batch_id", "state", "expected", "predicted", "skipped", "failed", "coverage"}


@pytest.fixture
def shell(world, inside_at):
    """The command line over the world's home, in this process."""
    return inside_at(world.home.root)


@contextmanager
def running(shell, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of `tipoff`, ended by SIGTERM, which is a proper end."""
    with (shell.home / "process.log").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "tipoff", *command], cwd=PROJECT, env=shell.environment, stdout=said, stderr=said
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0


def test_a_batch_runs_from_start_to_done_and_its_status_is_told(shell, game_date):
    started = shell.done("batch", "start", "--game-date", game_date.isoformat())
    assert set(started) >= KEYS
    assert (started["state"], started["predicted"]) == ("done", started["expected"] - started["skipped"])
    assert shell.done("batch", "status") == started
    assert shell.done("batch", "status", "--batch", started["batch_id"]) == started
    assert shell.done("batch", "status", "--game-date", game_date.isoformat()) == started
    assert shell.done("batch", "dead-letters") == {"dead_letters": []}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("start", "--game-date", "2031-01-01"), 1),
        (("start", "--game-date", "soon"), 2),
        (("status", "--batch", "none"), 2),
        (("status",), 2),
    ],
)
def test_the_exit_codes_tell_a_date_without_games_from_a_wrong_call(shell, arguments, code):
    assert shell.tipoff("batch", *arguments).code == code


def test_a_coverage_that_falls_short_is_an_exit_with_3_and_a_replay_mends_it(shell, world, game_date):
    folder = world.home.artifacts
    for version in world.versions():
        shutil.copytree(version.artifact_uri.removeprefix("file://"), folder / str(version.version))
    away = world.register("last_10_average", seed=3)
    moved = shutil.move(folder / str(away.version), folder / "away")
    said = shell.tipoff("batch", "start", "--game-date", game_date.isoformat(), "--json")
    assert (said.code, said.json["state"]) == (3, "done")
    assert "last_10_average below 95%" in said.json["shortfall"]
    assert len(shell.done("batch", "dead-letters")["dead_letters"]) == said.json["failed"]
    shutil.move(moved, folder / str(away.version))
    assert shell.done("batch", "replay") == {"replayed": said.json["failed"], "given_up": 0}
    assert shell.done("batch", "status")["failed"] == 0


def test_the_coordinator_starts_predicts_and_stops(shell, game_date):
    port = free_port()
    with running(shell, "coordinator", "--port", str(port)) as process:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            wait_until(lambda: answers(client) or process.poll() is not None, 60)
            started = client.post("/start", json={"game_date": game_date.isoformat()})
            assert started.status_code == 202
            batch = {"batch_id": started.json()["batch_id"]}
            wait_until(lambda: client.get("/status", params=batch).json()["state"] == "done", 30)
            told = client.get("/status", params=batch).json()
        taken = shell.tipoff("coordinator", "--port", str(port))
    assert told["coverage"] >= 0.95
    assert (taken.code, "in use" in taken.err) == (1, True)


def test_a_worker_of_its_own_works_for_a_coordinator_without_any(shell, world, settings, game_date):
    from tipoff.coordinator.batches import find_batch, open_batch
    from tipoff.coordinator.expectation import expect

    open_batch(world.engine, expect(world.engine, settings, game_date))
    with running(shell, "worker"):
        wait_until(lambda: not find_batch(world.engine).is_open, 60)


@pytest.mark.slow
def test_a_backfill_that_publishes_starts_the_batch_by_itself(shell_at, world, game_date):
    """From the builders' rows to predictions, with nobody in between: outbox, relay, inbox, batch, worker."""
    port = free_port()
    shell = shell_at(world.home.root, TIPOFF_COORDINATOR__PORT=str(port), TIPOFF_API_TOKEN="secret")
    day = game_date.isoformat()
    with running(shell, "coordinator") as process:
        headers = {"Authorization": "Bearer secret"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, headers=headers) as client:
            wait_until(lambda: answers(client) or process.poll() is not None, 60)
            shell.done("features", "backfill", "--from", day, "--to", day, "--rebuild", "--publish")
            wait_until(lambda: is_done(client, day), 30)
            told = client.get("/status", params={"game_date": day}).json()
    assert (told["revision"], told["coverage"] >= 0.95) == (1, True)
    n_told = (shell.home / "process.log").read_text().count('"path": "/events"')
    assert n_told >= 5, "at least once each: the backfill and the coordinator both relay"


@pytest.mark.slow
def test_a_coordinator_runs_the_day_at_its_time_with_nobody_asking(shell_at, world):
    shell = shell_at(world.home.root, TIPOFF_COORDINATOR__PORT=str(free_port()), TIPOFF_DAILY__AT="00:00")

    def days() -> list[tuple[Any, str]]:
        with world.engine.connect() as connection:
            found = connection.execute(sa.select(job_runs.c.game_date, job_runs.c.state).where(job_runs.c.job == "day"))
            return [tuple(row) for row in found]

    with running(shell, "coordinator"):
        wait_until(lambda: [state for _, state in days()] == ["done"], 180)
    ((game_date, _),) = days()
    assert abs((game_date - league_date(now())).days) <= 1, "today's, which has no games"
    assert (world.home.root / "day.log").exists()


def is_done(client: httpx.Client, day: str) -> bool:
    """Whether the date's batch has ended."""
    told = client.get("/status", params={"game_date": day})
    return told.status_code == 200 and told.json()["state"] == "done"


def test_one_look_of_the_reconciler_tells_its_alarms_by_exit_code(shell, world):
    assert shell.done("batch", "reconcile") == {"opened": [], "alarms": []}
    soon = now() + timedelta(minutes=30)
    with world.engine.connect() as connection:
        last, other = connection.execute(sa.select(games).order_by(games.c.game_id.desc()).limit(2)).mappings()
    put(world, last["game_id"], game_date=league_date(soon), tip_off_at=soon)
    assert shell.done("batch", "reconcile")["alarms"] == [], "its teams open their season: nobody can be expected"
    same_teams = {side: last[side] for side in ("home_team_id", "away_team_id")}
    put(world, other["game_id"], game_date=league_date(soon) - timedelta(days=2), tip_off_at=None, **same_teams)
    said = shell.tipoff("batch", "reconcile", "--json")
    assert (said.code, [alarm["name"] for alarm in said.json["alarms"]]) == (1, ["nothing_ran"])


def put(world, game_id: str, **values) -> None:
    """Change a game of the schedule."""
    with world.engine.begin() as connection:
        connection.execute(sa.update(games).where(games.c.game_id == game_id).values(**values))


def test_a_prediction_changed_after_the_batch_ended_breaks_the_history_by_exit_3(shell, world, game_date):
    batch_id = shell.done("batch", "start", "--game-date", game_date.isoformat())["batch_id"]
    told = shell.done("registry", "history", "--verify")
    assert (told["digests"]["entries"], told["digests"]["breaks"]) == (1, [])
    known = told["heads"]["digests"]
    assert shell.done("registry", "history", "--known-digest", known)["heads"] == told["heads"]
    with writing(world.engine) as connection:
        connection.execute(sa.update(predictions).values(predicted=predictions.c.predicted + 1))
    said = shell.tipoff("registry", "history", "--verify", "--json")
    assert said.code == 3
    assert f"batch {batch_id} was altered after it ended" in said.err
