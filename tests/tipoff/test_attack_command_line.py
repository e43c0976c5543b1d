"""The command line meets nonsense: one line that names it, the documented exit code, JSON where programs asked."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tipoff.__main__ import main

TOO_LARGE = "9" * 23


@pytest.mark.parametrize(
    "command",
    [
        ["predikt"],
        ["features", "nonsense"],
        ["features", "backfill", "--bogus"],
        ["features", "export"],
        ["features", "export", "--out", ""],
        ["features", "export", "--out", "x.parquet", "--build", TOO_LARGE],
        ["promote", "--version", TOO_LARGE],
        ["promote", "--version", "abc"],
        ["rollback"],
        ["rollback", "--to", TOO_LARGE, "--reason", "x"],
        ["registry", "show", TOO_LARGE],
        ["registry", "list", "--at", "9999-12-31T23:59:59-12:00"],
        ["registry", "list", "--at", "nonsense"],
        ["ingest", "nba-api", "--seasons", ""],
        ["ingest", "nba-api", "--seasons", "1800-01"],
        ["ingest", "game-logs"],
    ],
)
def test_wrong_usage_ends_with_2_and_one_json_object(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--json"])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert json.loads(said.out.splitlines()[-1])["error"]["code"] == "usage"
    assert "Error: " in said.err


def test_a_broken_address_does_not_break_config(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIPOFF_DATABASE_URL", "nonsense")
    with pytest.raises(SystemExit) as ended:
        main(["config", "--json"])
    assert ended.value.code == 2
    assert "TIPOFF_DATABASE_URL" in json.loads(capsys.readouterr().out.splitlines()[-1])["error"]["message"]


def test_the_version_is_told_by_a_flag_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip()


def raising(error: Exception) -> Any:
    """A stand-in for what a command calls."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (sa.exc.OperationalError("SELECT", {}, Exception("disk is full")), "unavailable", "disk is full"),
        (OSError(errno.ENOSPC, "No space left on device", "x.db"), "unavailable", "No space left on device (x.db)"),
        (ZeroDivisionError("by zero"), "failed", "ZeroDivisionError"),
    ],
)
def test_what_nobody_foresaw_is_one_line_without_a_traceback(
    error: Exception, code: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tipoff.wiring.wire", raising(error))
    with pytest.raises(SystemExit) as ended:
        main(["features", "status", "--json"])
    assert ended.value.code == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    assert told["code"] == code
    assert said in told["message"]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPOFF_HOME", str(tmp_path / "home"))
