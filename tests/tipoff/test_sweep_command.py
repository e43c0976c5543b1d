"""`tipoff sweep` as a user starts it, with processes that join, are killed and resume."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from contracts.database import open_database
from contracts.tables import player_games
from tipoff.__main__ import cli, main

PROJECT = Path(__file__).resolve().parents[2]
SPACE = """
threads: nthread
parameters:
  max_depth: {type: int, low: 2, high: 6}
  subsample: {type: float, low: 0.5, high: 1}
"""
SYSTEM = "class: systems.xgboost:XGBoost\nparameters: {n_estimators: 60, max_depth: 3, learning_rate: 0.1}\n"


@pytest.fixture
def home(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own with a small league, and a conf/ whose fits are short."""
    root = tmp_path / "home"
    root.mkdir()
    shutil.copy(built, root / "tipoff.db")
    for folder, text in (("systems", SYSTEM), ("search_spaces", SPACE)):
        (tmp_path / "conf" / folder).mkdir(parents=True)
        (tmp_path / "conf" / folder / "xgboost.yaml").write_text(text)
    monkeypatch.setenv("TIPOFF_HOME", str(root))
    monkeypatch.setenv("TIPOFF_CONF", str(tmp_path / "conf"))
    return root


def tipoff(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["sweep", *arguments])
    return int(ended.value.code or 0)


def last_line(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    return found


def test_the_help_says_how_to_join() -> None:
    said = CliRunner().invoke(cli, ["sweep", "--help"]).output
    assert "--study" in said
    assert "Any number of these may run" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--system", "crystal_ball"], "'crystal_ball' is not a system"),
        (["--system", "season_average"], "season_average has no search space"),
        (["--trials", "0"], "'0' is not a whole number from 1"),
        (["--trials", "many"], "'many' is not a whole number"),
        (["--workers", "0"], "'0' is not a whole number from 1"),
        (["--study", "../elsewhere"], "'../elsewhere' cannot be the name of a study"),
        (["--feature-set", "nonsense"], "'nonsense' is not a feature set"),
        (["--train-from", "2024-13-01"], "2024-13-01"),
    ],
)
def test_wrong_usage_ends_with_2_and_leaves_no_study(
    arguments: list[str], said: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tipoff(*arguments, "--json") == 2
    assert said in last_line(capsys.readouterr().out)["error"]["message"]
    assert not list(home.glob("studies/*.journal"))


def test_stale_rows_are_refused_with_3(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = open_database(f"sqlite:///{home / 'tipoff.db'}")
    with engine.begin() as connection:
        connection.execute(sa.update(player_games).values(assists=player_games.c.assists + 1))
    engine.dispose()
    assert tipoff("--json") == 3
    assert "tipoff features backfill" in capsys.readouterr().err


@pytest.mark.slow
def test_three_processes_share_a_study_and_one_killed_in_mid_trial_costs_nothing(
    home: Path, tmp_path: Path, shell_at: Callable[..., Any]
) -> None:
    """Its trial is tried again by a living one; there are as many trials as asked for, and one version."""
    shell = shell_at(home, TIPOFF_CONF=str(tmp_path / "conf"))
    shell.tipoff("env")
    command = [
        sys.executable,
        "-m",
        "tipoff",
        "sweep",
        "--study",
        "shared",
        "--trials",
        "12",
        "--workers",
        "1",
        "--json",
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, cwd=PROJECT, env=shell.environment, **pipes) for _ in range(3)]
    victim = kill_one_in_mid_trial(home, started)
    others = [process for process in started if process is not victim]
    ended = [process.communicate(timeout=400) for process in others]
    victim.communicate(timeout=30)
    assert [process.returncode for process in others] == [0, 0], ended
    said = [last_line(out) for out, _ in ended]
    for one in said:
        assert (one["trials"], one["failed"], one["abandoned"]) == (12, 0, 1)
        assert one["model_version"] == 1
    assert said[0]["best_value"] == said[1]["best_value"]
    resumed = shell.done("sweep", "--study", "shared", "--trials", "12", "--workers", "2")
    assert (resumed["trials"], resumed["model_version"]) == (12, 1)


def kill_one_in_mid_trial(home: Path, started: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    """The process that was killed while its lock said that it was at a trial."""
    locks = home / "studies" / "shared.locks"
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        gone = [process.communicate() for process in started if process.poll() is not None]
        assert not gone, gone
        for lock in locks.glob("worker-*"):
            holders = [process for process in started if holds(process.pid, lock)]
            if holders:
                holders[0].send_signal(signal.SIGSTOP)  # it stays in mid-trial until it is looked at again
                if holds(holders[0].pid, lock):
                    holders[0].send_signal(signal.SIGKILL)
                    holders[0].wait()
                    return holders[0]
                holders[0].send_signal(signal.SIGCONT)
        time.sleep(0.01)
    raise AssertionError("nobody was seen at a trial")


def holds(pid: int, path: Path) -> bool:
    """Whether process `pid` has `path` open."""
    folder = Path(f"/proc/{pid}/fd")
    try:
        return any(link.exists() and link.resolve() == path.resolve() for link in folder.iterdir())
    except OSError:
        return False
