"""`tipoff ui`: MLflow's pages over tipoff's runs, for one person on one machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.ports import free_port

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_it_answers_on_loopback_with_few_processes_and_a_signal_ends_them_all(
    tmp_path: Path, shell_at: Callable[..., Any]
) -> None:
    shell, port = shell_at(tmp_path / "home"), free_port()
    command = [sys.executable, "-m", "tipoff", "ui", "--port", str(port)]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = subprocess.Popen(command, cwd=PROJECT, env=shell.environment, start_new_session=True, **pipes)
    try:
        wait_for_answer(f"http://127.0.0.1:{port}/", started)
        assert len(processes_of(started.pid)) <= 4
        started.send_signal(signal.SIGTERM)
        started.wait(60)
        deadline = time.monotonic() + 30
        while processes_of(started.pid) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert not processes_of(started.pid)
    finally:
        if processes_of(started.pid):
            os.killpg(started.pid, signal.SIGKILL)


def wait_for_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            assert httpx.get(url, timeout=30).status_code == 200
            return
        except httpx.TransportError:
            time.sleep(0.5)
    raise AssertionError("no answer")


def processes_of(session: int) -> list[int]:
    """The living processes of the session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, its_session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(its_session) == session and state != "Z":
            found.append(int(folder.name))
    return found
