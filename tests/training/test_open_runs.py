"""A run whose process was killed, or could not write that it ended, is ended by the next; an open one is left be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from contracts.home import Home
from training.open_runs import end_broken_off, noted
from training.runs import ensure_experiment, open_run

BE_KILLED = """
import os, signal
from contracts.home import prepare_home
from training.runs import open_run
with open_run(prepare_home(), "cut off") as run:
    print(run.run_id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path, f"sqlite:///{tmp_path / 'tipoff.db'}", f"sqlite:///{tmp_path / 'mlflow.db'}")
    ensure_experiment(made)
    return made


def test_a_run_whose_process_was_killed_is_ended_when_the_next_one_begins(home: Home) -> None:
    environment = {**os.environ, "TIPOFF_HOME": str(home.root), "MLFLOW_DISABLE_TELEMETRY": "true"}
    killed = subprocess.run(
        [sys.executable, "-c", BE_KILLED], env=environment, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    client = MlflowClient(home.tracking_uri)
    assert client.get_run(killed.stdout.strip()).info.status == "RUNNING"
    with open_run(home, "next") as run:
        assert client.get_run(killed.stdout.strip()).info.status == "FAILED"
        assert client.get_run(run.run_id).info.status == "RUNNING"
    assert client.get_run(run.run_id).info.status == "FINISHED"
    assert not list((home.root / "open-runs").iterdir())


def test_what_another_process_is_at_is_left_alone(tmp_path: Path) -> None:
    home = Home(tmp_path, "", "")
    ended: list[str] = []
    with noted(home, "mine", lambda: True):
        end_broken_off(home, ended.append)
        assert ended == []
    end_broken_off(home, ended.append)
    assert ended == []


def test_a_run_that_could_not_be_ended_stays_noted(tmp_path: Path) -> None:
    home = Home(tmp_path, "", "")
    ended: list[str] = []
    with pytest.raises(OSError, match="full"), noted(home, "mine", lambda: False):
        raise OSError("the disk is full")
    end_broken_off(home, ended.append)
    assert ended == ["mine"]
    end_broken_off(home, ended.append)
    assert ended == ["mine"]


def test_a_run_that_raises_is_failed_and_no_longer_noted(home: Home) -> None:
    with pytest.raises(ValueError, match="no"), open_run(home, "fails") as run:
        raise ValueError("no")
    assert MlflowClient(home.tracking_uri).get_run(run.run_id).info.status == "FAILED"
    assert not list((home.root / "open-runs").iterdir())
