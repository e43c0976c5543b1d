"""A lock holds others off while its block runs, and goes with the process that held it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from contracts.locks import file_lock

HOLD = (
    "import sys, time, pathlib; from contracts.locks import file_lock\n"
    "with file_lock(pathlib.Path(sys.argv[1]), 1): print('held', flush=True); time.sleep(60)"
)


def test_a_lock_keeps_others_out_until_its_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(TimeoutError, match=r"waited 0\.2 s"), file_lock(path, 0.2):
            pytest.fail("two hold it")
        holder.kill()
    with file_lock(path, 5):
        assert path.exists()


def test_a_lock_is_free_again_after_its_block(tmp_path: Path) -> None:
    for _ in range(2):
        with file_lock(tmp_path / "a.lock", 0.1):
            pass
