"""kill -9 at fifty random moments: each batch ends, no prediction is lost or doubled, a living worker takes over.

Twenty moments are a time, twenty a step (before the n-th statement or commit of the process), in a process that has
all imported and acts in a child; ten are real coordinators, killed after a POST /start and started again.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from contracts.database import writing
from contracts.ports import free_port
from contracts.settings import CoordinatorSettings, Settings
from contracts.tables import batches, dead_letters, ledger, predictions
from tests.tipoff.conftest import PROJECT, answers, wait_until
from tipoff.coordinator.batches import find_batch, open_batch
from tipoff.coordinator.expectation import expect
from tipoff.coordinator.worker import Worker, make_tools

pytestmark = pytest.mark.slow

LEASE_SECONDS = 0.5
SETTINGS = Settings(coordinator=CoordinatorSettings(lease_seconds=LEASE_SECONDS, poll_seconds=0.05, chunk_rows=7))
CHUNKED = {
    "TIPOFF_COORDINATOR__LEASE_SECONDS": str(LEASE_SECONDS),
    "TIPOFF_COORDINATOR__POLL_SECONDS": "0.05",
    "TIPOFF_COORDINATOR__CHUNK_ROWS": "7",
}

NURSERY = """
import os, signal, sys, traceback
from datetime import date
import sqlalchemy as sa
from contracts.database import open_database
from contracts.home import find_home
from contracts.settings import load_settings
from tipoff.coordinator.batches import find_batch, open_batch
from tipoff.coordinator.expectation import expect
from tipoff.coordinator.worker import Worker, make_tools
import contracts.frames, polars, xgboost, systems.xgboost, systems.season_average, systems.last_10_average

day = date.fromisoformat(sys.argv[1])
limit = counted = 0

def step(*_args, **_kwargs):
    global counted
    counted += 1
    if counted == limit:
        os.kill(os.getpid(), signal.SIGKILL)

def act(what):
    home, settings = find_home(), load_settings()
    engine = open_database(home.database_url)
    sa.event.listen(engine, "before_cursor_execute", step)
    sa.event.listen(engine, "commit", step)
    if what == "coordinator":
        open_batch(engine, expect(engine, settings, day))
    Worker(make_tools(engine, home, settings)).work_off(lambda: not find_batch(engine).is_open)

print("ready", flush=True)
for line in sys.stdin:
    what, number = line.split()
    limit = int(number)
    child = os.fork()
    if child == 0:
        try:
            act(what)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Nursery:
    """Lets a child act as a coordinator or a worker, to be killed before a step (0: none) or after some seconds."""

    def __init__(self, world: Any, day: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY, day.isoformat()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **CHUNKED, "PYTHONPATH": str(PROJECT), "TIPOFF_HOME": str(world.home.root)},
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", "no child acts, and no time counts, before all is imported"

    def act(self, what: str, step: int = 0, seconds: float | None = None) -> int:
        """How the child ended: 0 by itself, -9 killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{what} {step}\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        if seconds is not None:
            time.sleep(seconds)
            with suppress(ProcessLookupError):  # it has ended by itself
                os.kill(child, signal.SIGKILL)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=60)


@pytest.fixture
def nursery(world, game_date) -> Iterator[Nursery]:
    made = Nursery(world, game_date)
    yield made
    made.close()


def forget(engine: sa.Engine) -> None:
    """As if no batch had ever been."""
    with writing(engine) as connection:
        for table in (dead_letters, ledger, batches, predictions):
            connection.execute(sa.delete(table))


def said(engine: sa.Engine) -> list[tuple[Any, ...]]:
    """What the ledger and the predictions say, apart from times and workers: every row once."""
    query = (
        sa.select(
            *(ledger.c.system, ledger.c.game_id, ledger.c.player_id, ledger.c.state, ledger.c.reason),
            *(predictions.c.model_version, predictions.c.predicted),
        )
        .join(predictions, predictions.c.prediction_id == ledger.c.prediction_id, isouter=True)
        .order_by(ledger.c.system, ledger.c.game_id, ledger.c.player_id)
    )
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
        n_said = connection.scalar(sa.select(sa.func.count()).select_from(predictions))
    assert n_said == sum(row[3] == "predicted" for row in rows), "no prediction without its row"
    return rows


def survive(world: Any, day: Any) -> float:
    """Another one starts the same batch and works it off; the seconds that it took."""
    started = time.monotonic()
    open_batch(world.engine, expect(world.engine, SETTINGS, day))
    Worker(make_tools(world.engine, world.home, SETTINGS)).work_off(lambda: not find_batch(world.engine).is_open)
    return time.monotonic() - started


def undisturbed(world: Any, day: Any) -> list[tuple[Any, ...]]:
    survive(world, day)
    whole = said(world.engine)
    assert {row[3] for row in whole} <= {"predicted", "skipped"}
    return whole


def check(world: Any, day: Any, whole: list[tuple[Any, ...]]) -> None:
    """After a kill: a living worker ends the batch within the lease, as if nothing had been."""
    seconds = survive(world, day)
    assert said(world.engine) == whole
    with world.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(batches)) == 1
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert seconds < LEASE_SECONDS + 20, "a takeover waits for the lease and no longer"


def kill_often(world: Any, day: Any, whole: list[tuple[Any, ...]], act: Callable[[str], int]) -> None:
    """Let a coordinator and a worker act by turns until twenty were killed; after each, another one ends the batch."""
    killed = moments = 0
    while killed < 20:
        moments += 1
        assert moments <= 60, "most of the moments must lie within the work"
        forget(world.engine)
        what = ("coordinator", "worker")[moments % 2]
        if what == "worker":
            open_batch(world.engine, expect(world.engine, SETTINGS, day))
        killed += act(what) == -signal.SIGKILL
        check(world, day, whole)


def test_killed_at_twenty_steps_of_its_work_another_one_ends_the_batch_as_if_nothing_had_been(
    world, game_date, nursery
):
    whole = undisturbed(world, game_date)
    chance = random.Random(7)  # noqa: S311 moments, not secrets
    kill_often(world, game_date, whole, lambda what: nursery.act(what, step=chance.randint(1, 100)))


def test_killed_after_twenty_random_times_the_same(world, game_date, nursery):
    whole = undisturbed(world, game_date)
    forget(world.engine)
    started = time.monotonic()
    assert nursery.act("coordinator") == 0
    latest = time.monotonic() - started
    chance = random.Random(8)  # noqa: S311

    def act(what: str) -> int:
        """One that ended by itself was faster than `latest`, so the next moments come sooner, whatever the machine."""
        nonlocal latest
        exit_code = nursery.act(what, seconds=chance.uniform(0, latest))
        latest *= 0.8 if exit_code == 0 else 1.1
        return exit_code

    kill_often(world, game_date, whole, act)


def test_a_coordinator_killed_ten_times_and_started_again_ends_what_it_was_asked_for(world, game_date, tmp_path):
    whole = undisturbed(world, game_date)
    chance = random.Random(9)  # noqa: S311
    for _ in range(10):
        forget(world.engine)
        process, client = start_coordinator(world, tmp_path)
        client.post("/start", json={"game_date": game_date.isoformat()})
        time.sleep(chance.uniform(0, 0.4))
        process.kill()
        process.wait()
        client.close()
        process, client = start_coordinator(world, tmp_path)
        try:
            wait_until(lambda found=client: is_done(found, game_date), 60)
        finally:
            client.close()
            process.terminate()
            assert process.wait(timeout=60) == 0
        assert said(world.engine) == whole


def start_coordinator(world: Any, folder: Path) -> tuple[subprocess.Popen[bytes], httpx.Client]:
    """`tipoff coordinator` over the world's home, up."""
    port = free_port()
    with (folder / "coordinator.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tipoff", "coordinator", "--port", str(port)],
            cwd=PROJECT,
            env={**os.environ, **CHUNKED, "TIPOFF_HOME": str(world.home.root)},
            stdout=log,
            stderr=log,
        )
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
    wait_until(lambda: answers(client) or process.poll() is not None, 60)
    return process, client


def is_done(client: httpx.Client, day: Any) -> bool:
    """Whether the date's batch has ended."""
    told = client.get("/status", params={"game_date": day.isoformat()})
    return told.status_code == 200 and told.json()["state"] == "done"
