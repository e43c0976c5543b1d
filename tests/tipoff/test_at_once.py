"""Twenty `tipoff promote` at once, each a process of its own: exactly one wins, the others exit 3 and say why."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.database import open_database
from contracts.home import Home
from registry.history import verify_history
from registry.promotion import register
from registry.repair import repair
from registry.versions import NewVersion, get_version, stages

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*AnyType.*:UserWarning")]
N = 20
LEAGUE = ("--seasons", "2", "--teams", "6", "--games", "60", "--seed", "7")
"""The league of the main job, in which xgboost passes the gate as it is set."""
RACING = {"OMP_NUM_THREADS": "1", "TIPOFF_GATE__MAX_LATENCY_MS": "10000"}
"""Twenty processes share the cores: how long one prediction takes then says nothing."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, shell_at: Callable[..., Any]) -> Path:
    """A home with season_average in Production, as version 1; 2 to 21 are one xgboost, registered twenty times."""
    home: Path = tmp_path_factory.mktemp("twenty") / "home"
    shell = shell_at(home, **RACING)
    shell.done("ingest", "simulated", *LEAGUE)
    shell.done("features", "backfill")
    shell.done("train", "--system", "xgboost")
    engine = open_database(f"sqlite:///{home / 'tipoff.db'}")
    made = get_version(engine, 2)
    fields = {name: getattr(made, name) for name in NewVersion.__dataclass_fields__ if name != "model_uri"}
    place = Home(home, f"sqlite:///{home / 'tipoff.db'}", f"sqlite:///{home / 'mlflow.db'}")
    for _ in range(N - 1):
        register(engine, place, NewVersion(**fields, model_uri=made.artifact_uri), actor="ana")
    engine.dispose()
    return home


@pytest.fixture
def twenty(prepared: Path, tmp_path: Path, shell_at: Callable[..., Any]) -> Any:
    """A shell with a copy of that home."""
    return shell_at(Path(shutil.copytree(prepared, tmp_path / "home")), **RACING)


def race(shell: Any, versions: list[int]) -> list[tuple[int, dict[str, Any], str]]:
    """Exit code, JSON and stderr of each `tipoff promote`, all started before any is waited for."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tipoff", "promote", "--version", str(version), "--json"],
            cwd=Path(__file__).resolve().parents[2],
            env=shell.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for version in versions
    ]
    ended = []
    for process in started:
        out, err = process.communicate(timeout=900)
        ended.append((process.returncode, json.loads(out.strip().splitlines()[-1]), err))
    return ended


@pytest.mark.parametrize("kind", ["twenty versions", "one version twenty times"])
def test_of_twenty_promotions_at_once_one_wins_and_the_others_exit_3_and_say_why(twenty: Any, kind: str) -> None:
    versions = list(range(2, 2 + N)) if kind == "twenty versions" else [2] * N
    ended = race(twenty, versions)
    codes = [code for code, _, _ in ended]
    assert sorted(codes) == [0] + [3] * (N - 1), [err[-300:] for code, _, err in ended if code not in (0, 3)]
    winner = next(told for code, told, _ in ended if code == 0)
    assert winner["promoted"] is True
    for code, told, err in ended:
        assert "Traceback" not in err
        if code == 3:
            assert reason_of(told), told
    engine = open_database(f"sqlite:///{twenty.home / 'tipoff.db'}")
    standing = stages(engine)
    live = [version for version, stage in standing.items() if str(stage) == "Production"]
    assert live == [winner["challenger"]]
    assert verify_history(engine) == []
    place = Home(twenty.home, str(engine.url), f"sqlite:///{twenty.home / 'mlflow.db'}")
    assert repair(engine, replace(place), dry_run=True) == []
    with engine.connect() as connection:
        actions = connection.execute(
            sa.text("SELECT action, count(*) AS n FROM promotion_history WHERE seq > 23 GROUP BY action")
        )
        assert {row.action: row.n for row in actions}.get("promote") == 2, "one decision, by way of Staging"
    engine.dispose()


def reason_of(told: dict[str, Any]) -> str:
    """Why a promotion was refused: it lost the race, stands there already, or fails against the new champion."""
    if "error" in told:
        message = str(told["error"]["message"])
        assert "meanwhile" in message or "in stage Production already" in message, message
        return message
    failed = [test["name"] for test in told["verdict"]["tests"] if not test["passed"]]
    assert "better_than_champion" in failed
    return ", ".join(failed)
