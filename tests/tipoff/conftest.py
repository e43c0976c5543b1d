"""Real processes: the command line as a user starts it, in a home of its own, and the service as it serves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.ports import free_port
from tipoff.__main__ import main

PROJECT = Path(__file__).resolve().parents[2]
UP_SECONDS = 90


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
            "TIPOFF_GATE__ACCEPT_CHANGED_CODE": "true",  # whoever changes the code runs the tests before a commit
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

    def done(self, *arguments: str) -> dict[str, Any]:
        """Run `tipoff ... --json`, which must succeed; its JSON."""
        said = self.tipoff(*arguments, "--json")
        assert said.code == 0, f"tipoff {' '.join(arguments)}: {said.err}"
        return said.json

    @contextmanager
    def serving(self) -> Iterator[httpx.Client]:
        """A client of `tipoff serve` on a free port, from when it answers at all; the service is stopped afterwards."""
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "tipoff", "serve", "--port", str(port)],
            cwd=PROJECT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                wait_until(lambda: answers(client) or process.poll() is not None, UP_SECONDS)
                yield client
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0, "a stop by signal is a proper end"


class Inside(Shell):
    """The same command line in this process: no second start of Python for what writes no process of its own."""

    def tipoff(self, *arguments: str, cwd: Path = PROJECT) -> Said:
        """Run `tipoff` to its end, with the environment that its own process would have."""
        out, err = StringIO(), StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(cwd)
            for name in [name for name in os.environ if name.startswith(("TIPOFF_", "MLFLOW_"))]:
                patch.delenv(name)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main(list(arguments))
        return Said(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def answers(client: httpx.Client) -> bool:
    """Whether the service's worker is up: ready, or with a reason of its own why not."""
    try:
        told = client.get("/readyz")
    except httpx.TransportError:
        return False
    return told.status_code == 200 or told.json()["error"]["code"] == "no_production"


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    """Nothing, as soon as `holds()`; a failure after `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell with an empty home."""
    return Shell(tmp_path / "home")


@pytest.fixture(scope="session")
def inside_at() -> Callable[..., Shell]:
    """inside_at(home, **variables) -> the same, in this process."""
    return lambda home, **variables: Inside(home, variables)


@pytest.fixture(scope="session")
def shell_at() -> Callable[..., Shell]:
    """shell_at(home, **variables) -> a shell with that home and these variables besides."""
    return lambda home, **variables: Shell(home, variables)
