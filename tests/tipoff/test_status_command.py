"""`tipoff features status --watch` on a terminal: drawn anew every second until Ctrl-C, which is a proper end."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]


def test_watch_draws_every_second_and_ctrl_c_ends_it_with_0(built: Path, tmp_path: Path, shell_at: Any) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(built, home / "tipoff.db")
    code, screen = _watch(shell_at(home).environment, n_draws=3)
    assert code == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)
    assert text.count("Ctrl-C ends this.") >= 3
    assert "ml_feature_store" in text
    assert "complete" in text
    assert "Traceback" not in text


def test_watch_has_no_end_and_so_no_json(shell: Any) -> None:
    said = shell.tipoff("features", "status", "--watch", "--json")
    assert said.code == 2
    assert said.json["error"]["code"] == "usage"


def _watch(environment: dict[str, str], n_draws: int) -> tuple[int, str]:
    """Exit code and screen of a watch that is ended, as by Ctrl-C, when it has drawn so often."""
    ours, theirs = pty.openpty()
    sized = environment | {"COLUMNS": "160", "LINES": "50", "TERM": "xterm"}
    command = [sys.executable, "-m", "tipoff", "features", "status", "--watch"]
    process = subprocess.Popen(command, cwd=PROJECT, env=sized, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    screen, give_up_at = "", time.monotonic() + 60
    while screen.count("Ctrl-C ends this.") < n_draws and time.monotonic() < give_up_at:
        screen += os.read(ours, 65536).decode(errors="replace")
    process.send_signal(signal.SIGINT)
    code = process.wait(timeout=30)
    os.close(ours)
    return code, screen
