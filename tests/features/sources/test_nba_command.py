"""`tipoff ingest nba-api`: its JSON, its exit codes, and what people read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tipoff.__main__ import main


@pytest.fixture(autouse=True)
def _settings(stand_in: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPOFF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TIPOFF_FEATURES__NBA_STATS_URL", stand_in.url)
    monkeypatch.setenv("TIPOFF_FEATURES__NBA_STATS_PAUSE_SECONDS", "0")
    monkeypatch.setenv("TIPOFF_FEATURES__NBA_STATS_ATTEMPTS", "1")


def _run(*arguments: str) -> int:
    try:
        main(["ingest", "nba-api", "--seasons", "2023-24", *arguments])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_a_program_gets_counts_of_the_seasons_however_much_was_fetched_now(
    stand_in: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for options in ((), (), ("--what", "game-logs, shot-zones", "--refresh")):
        assert _run("--json", *options) == 0
        found.append(json.loads(capsys.readouterr().out.splitlines()[-1]))
    assert [(one["player_games"], one["games"], one["rejected"]) for one in found] == [(4, 2, 0)] * 3
    assert [(one["fetched"], one["empty"], one["skipped"], one["changed"]) for one in found] == [
        (4, 2, 0, 6),
        (0, 0, 4, 0),
        (5, 2, 0, 4),
    ]


def test_people_read_what_was_left_out(stand_in: Any, capsys: pytest.CaptureFixture[str]) -> None:
    stand_in.games.append(stand_in.games[0] | {"gameId": "0012300001"})
    assert _run() == 0
    said = capsys.readouterr().err
    assert "Left out of the schedule: 1 preseason games" in said
    assert "4 parts asked for (2 without rows yet), 0 final ones not again" in said


def test_a_source_that_is_down_is_exit_1_and_one_sentence(stand_in: Any, capsys: pytest.CaptureFixture[str]) -> None:
    stand_in.faults = [None, (503, "", {})]
    assert _run("--json") == 1
    said = capsys.readouterr()
    assert json.loads(said.out.splitlines()[-1])["error"]["code"] == "unavailable"
    assert "gave no game-logs 2023-24 PlayIn in 1 attempts: status 503" in said.err
    assert "Traceback" not in said.err
    assert _run("--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["skipped"] == 1


@pytest.mark.parametrize("what", ["", "box-scores", "game-logs,injuries"])
def test_a_kind_that_is_none_is_wrong_usage(what: str) -> None:
    assert _run("--what", what) == 2


def test_a_season_without_any_usable_row_is_a_failure(stand_in: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for row in stand_in.logs:
        row[stand_in.log_headers.index("PTS")] = 10
    assert _run("--what", "game-logs") == 1
    assert "gave of 2023-24 was rejected: 4 x points do not add up." in capsys.readouterr().err
