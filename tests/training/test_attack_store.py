"""MLflow's embedded store is made once, however many come at once; and no password of a store is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.errors import TipoffError
from contracts.home import Home
from training.runs import ensure_experiment

MAKE = (
    "from contracts.home import prepare_home; from training.runs import ensure_experiment; "
    "print(ensure_experiment(prepare_home()))"
)


@pytest.mark.slow
def test_processes_that_come_at_once_find_one_experiment(tmp_path: Path) -> None:
    environment = {**os.environ, "TIPOFF_HOME": str(tmp_path / "home"), "MLFLOW_DISABLE_TELEMETRY": "true"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    said = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    assert len({out for out, _ in said}) == 1


def test_the_password_of_a_store_that_is_away_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    home = Home(tmp_path, f"sqlite:///{tmp_path / 'tipoff.db'}", "http://ana:secret@127.0.0.1:9")
    with pytest.raises(TipoffError, match="refused") as refused:
        ensure_experiment(home)
    assert "secret" not in str(refused.value)
