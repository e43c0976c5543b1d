"""The home: everything embedded under one folder, each part to be overridden, nothing made by looking."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from contracts.errors import UnavailableError, UsageError
from contracts.home import find_home, prepare_home
from contracts.ports import free_port, require_free_port


def test_without_variables_everything_lies_in_one_folder_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home = find_home()
    assert home.root == tmp_path / ".tipoff"
    assert home.database_url == f"sqlite:///{home.root / 'tipoff.db'}"
    assert home.tracking_uri == home.embedded_tracking_uri == f"sqlite:///{home.root / 'mlflow.db'}"
    assert not home.root.exists()


def test_a_relative_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIPOFF_HOME", "demo")
    assert find_home().root == tmp_path / "demo"


def test_each_part_is_overridden_on_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPOFF_HOME", str(tmp_path))
    monkeypatch.setenv("TIPOFF_DATABASE_URL", "postgresql://db/tipoff")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    home = find_home()
    assert (home.database_url, home.tracking_uri) == ("postgresql://db/tipoff", "http://tracking:5000")
    assert home.embedded_tracking_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"


def test_a_home_that_is_made_holds_no_trace_of_the_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPOFF_HOME", str(tmp_path / "a" / "b"))
    assert list(prepare_home().root.iterdir()) == []


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TIPOFF_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(UsageError, match="cannot be written") as refused:
        prepare_home()
    assert str(tmp_path / "file" / "home") in refused.value.message
    assert "TIPOFF_HOME" in (refused.value.remedy or "")


def test_a_free_port_is_free_and_a_taken_one_is_refused_with_the_remedy() -> None:
    port = free_port()
    require_free_port("127.0.0.1", port, remedy="Choose another.")
    with socket.create_server(("127.0.0.1", port)), pytest.raises(UnavailableError, match=rf"Port {port} .*Choose"):
        require_free_port("127.0.0.1", port, remedy="Choose another.")
