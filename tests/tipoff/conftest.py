"""Real processes: the command line as a user starts it, in a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Said:
    """What a process left: exit code, stdout, stderr, and the JSON object on the last line of stdout."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out.strip().splitlines()[-1])
        return found


@dataclass(frozen=True)
class Shell:
    """Runs programs with TIPOFF_HOME and MLFLOW_TRACKING_URI as `tipoff env` gives them."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("TIPOFF_", "MLFLOW_"))}
        places = {
            "TIPOFF_HOME": str(self.home),
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.home / 'mlflow.db'}",
            "MLFLOW_EXPERIMENT_NAME": "tipoff",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        return inherited | places | self.variables

    def run(self, *command: str, cwd: Path = PROJECT, timeout: float = 300) -> Said:
        """Run a program to its end."""
        done = subprocess.run(command, cwd=cwd, env=self.environment, capture_output=True, text=True, timeout=timeout)
        return Said(done.returncode, done.stdout, done.stderr)

    def tipoff(self, *arguments: str, cwd: Path = PROJECT) -> Said:
        """Run `tipoff` to its end."""
        return self.run(sys.executable, "-m", "tipoff", *arguments, cwd=cwd)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell with an empty home."""
    return Shell(tmp_path / "home")
