"""What every test shares: where the real seasons are, and an environment without anybody's settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real seasons; a test that needs it is skipped, saying so, where it is absent."""
    folder = Path(os.environ.get("TIPOFF_TEST_DATA") or PROJECT.parent / "shared" / "data")
    if not (folder / "player_game_logs").is_dir():
        pytest.skip(f"no real seasons in {folder}: set TIPOFF_TEST_DATA to run this test")
    return folder


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings, the home or the stores of whoever runs it."""
    for name in list(os.environ):
        if name.startswith(("TIPOFF_", "MLFLOW_")) and name != "TIPOFF_TEST_DATA":
            monkeypatch.delenv(name)
