"""kill -9 at every step of a promotion or a rollback leaves the old state or the new one, and repair finishes the rest.

A step is a statement to our database or a call to MLflow; the process is killed before each in turn, until it is so far
that it ends by itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from registry.history import verify_history
from registry.repair import repair
from registry.versions import production

if TYPE_CHECKING:
    from tests.registry.conftest import Desk

pytestmark = pytest.mark.slow

SCRIPT = """
import os, signal, sys, traceback, warnings
warnings.simplefilter("ignore")
import sqlalchemy as sa
import mlflow.store.model_registry.sqlalchemy_store, mlflow.store.tracking.sqlalchemy_store
from mlflow import MlflowClient
from pathlib import Path
from contracts.database import open_database
from contracts.home import Home
from registry.promotion import promote, rollback
from registry.stages import Stage
from registry.verdict import Test, Verdict

database, tracking, root, name, what = sys.argv[1:]
home = Home(Path(root), database, tracking)
limit = counted = 0

def step(*_args, **_kwargs):
    global counted
    counted += 1
    if counted == limit:
        os.kill(os.getpid(), signal.SIGKILL)

def watch(method):
    def watched(*args, **kwargs):
        step()
        return method(*args, **kwargs)
    return watched

for method in [each for each in dir(MlflowClient) if not each.startswith("_")]:
    setattr(MlflowClient, method, watch(getattr(MlflowClient, method)))

def act():
    engine = open_database(database)
    sa.event.listen(engine, "before_cursor_execute", step)
    sa.event.listen(engine, "commit", step)
    if what == "promote":
        passed = Verdict.of([Test("x", True, "x", 0.1, "> 0")])
        promote(engine, home, 2, Stage.PRODUCTION, lambda *_: passed, actor="ana", model_name=name)
    else:
        rollback(engine, home, reason="it drifts", actor="ana", model_name=name)

for line in sys.stdin:
    limit = int(line)
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(status, flush=True)
"""


class Killer:
    """A process that has all imported, and acts in a child that is killed before a given step."""

    def __init__(self, desk: Desk, what: str) -> None:
        database = desk.engine.url.render_as_string(hide_password=False)
        arguments = [database, desk.home.tracking_uri, str(desk.home.root), desk.model_name, what]
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        )

    def act(self, step: int) -> int:
        """How the child ended: 0 for itself, -9 killed before its `step`-th step."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{step}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self.process.communicate(timeout=30)


@pytest.fixture
def killer(desk: Desk) -> Iterator[Callable[[str], Killer]]:
    """killer(what) -> one for the desk."""
    made: list[Killer] = []

    def make(what: str) -> Killer:
        made.append(Killer(desk, what))
        return made[-1]

    yield make
    for each in made:
        each.close()


def check_old_or_new(desk: Desk, old: dict[int, str], new: dict[int, str]) -> bool:
    """Whether the new state holds; never a mixture, whatever MLflow shows by then."""
    found = desk.stages()
    assert found in (old, new)
    assert verify_history(desk.engine) == []
    live = production(desk.engine, desk.model_name)
    assert live is not None
    assert found[live.version] == "Production"
    repair(desk.engine, desk.home, model_name=desk.model_name)
    assert repair(desk.engine, desk.home, dry_run=True, model_name=desk.model_name) == []
    assert desk.aliases()["production"] == live.version
    assert {int(each.version): each.current_stage for each in desk.pages()} == found
    return found == new


@pytest.mark.parametrize("what", ["promote", "rollback"])
def test_a_kill_at_any_step_leaves_the_old_or_the_new_state(
    desk: Desk, killer: Callable[[str], Killer], what: str
) -> None:
    first, second = desk.register("season_average"), desk.register()
    desk.promote(first)
    old = {first: "Production", second: "None"}
    new = {first: "Archived", second: "Production"}
    if what == "rollback":
        desk.promote(second)
        old, new = new, {first: "Production", second: "Archived"}
    seen: list[bool] = []
    process = killer(what)
    while (ended := process.act(len(seen) + 1)) == -signal.SIGKILL:
        seen.append(check_old_or_new(desk, old, new))
        if seen[-1]:
            turn_back(desk, what)
            old = desk.stages()
            new = {number: stages_after(what, number) for number in old}
    assert ended == 0, "the act came to its end by itself"
    assert len(seen) > 30, "every statement and every call was a step"
    assert set(seen) == {True, False}
    assert seen[0] is False, "before the first step nothing has happened"
    assert desk.stages() == new, "never killed, all of it has"


def turn_back(desk: Desk, what: str) -> None:
    """The same starting point again: version 1 live for a promotion, 2 for a rollback."""
    if what == "promote":
        desk.rollback(to=1)
    else:
        desk.promote(2)


def stages_after(what: str, number: int) -> str:
    return "Production" if number == (2 if what == "promote" else 1) else "Archived"
