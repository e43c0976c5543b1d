"""Every expected mistake ends in one clear line that names the remedy, the documented exit code, and no traceback."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ShellAt = Callable[..., Any]
GAME_LOG_HEADER = "SEASON_ID,PLAYER_ID,PLAYER_NAME\n22023,1,A\n"


def _says(said: Any, code: int, *words: str) -> None:
    """One line that says what happened, at most one more that says what mends it, and no traceback."""
    assert said.code == code, said.err
    assert "Traceback" not in said.err + said.out
    lines = said.err.strip().splitlines()
    told = lines[next(at for at, line in enumerate(lines) if line.startswith("Error: ")) :]
    assert len(told) <= 2, told
    for word in words:
        assert word in " ".join(told)


def test_a_missing_file_is_named(shell: Any) -> None:
    _says(shell.tipoff("ingest", "game-logs", "nowhere.csv"), 2, "nowhere.csv")


def test_a_missing_column_is_named_with_the_layout(shell: Any, tmp_path: Path) -> None:
    path = tmp_path / "logs.csv"
    path.write_text(GAME_LOG_HEADER)
    _says(shell.tipoff("ingest", "game-logs", str(path)), 2, "GAME_DATE", "MATCHUP", "PTS")


def test_a_season_that_is_none_is_refused(shell: Any) -> None:
    _says(shell.tipoff("features", "backfill", "--seasons", "2023-25"), 2, "'2023-25' is not a season", "2023-24")


def test_a_backfill_without_facts_names_ingest(shell: Any) -> None:
    _says(shell.tipoff("features", "backfill"), 1, "tipoff ingest")


def test_an_unknown_system_names_the_known_ones(shell: Any) -> None:
    _says(shell.tipoff("train", "--system", "crystal_ball"), 2, "crystal_ball", "xgboost")


def test_an_unknown_feature_set_names_the_known_ones(shell: Any) -> None:
    _says(shell.tipoff("features", "backfill", "--feature-set", "v9"), 2, "v9", "v2_33features")


def test_a_date_that_is_none_is_refused(shell: Any) -> None:
    _says(shell.tipoff("predict", "--game-date", "2024-02-30"), 2, "2024-02-30")


def test_predicting_without_production_names_promote(shell: Any) -> None:
    _says(shell.tipoff("predict", "--game-date", "2024-03-01"), 1, "tipoff promote")


def test_promoting_without_versions_names_train(shell: Any) -> None:
    _says(shell.tipoff("promote"), 1, "tipoff train")


def test_a_busy_port_is_named(shell: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        _says(shell.tipoff("serve", "--port", str(port)), 1, str(port), "--port")


def test_an_unwritable_home_is_named(shell_at: ShellAt, tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("not a folder")
    _says(shell_at(blocked / "home").tipoff("features", "status"), 2, "TIPOFF_HOME", str(blocked))


def test_an_unknown_setting_is_named(shell_at: ShellAt, tmp_path: Path) -> None:
    said = shell_at(tmp_path / "home", TIPOFF_GATE__MIN_ROW="5").tipoff("features", "status")
    _says(said, 2, "gate.min_row")


def test_a_setting_out_of_range_is_named(shell_at: ShellAt, tmp_path: Path) -> None:
    said = shell_at(tmp_path / "home", TIPOFF_GATE__MIN_ROWS="many").tipoff("config")
    _says(said, 2, "gate.min_rows", "many")


def test_a_database_that_does_not_answer_is_named_without_its_password(shell_at: ShellAt, tmp_path: Path) -> None:
    url = "postgresql://someone:secret@127.0.0.1:9/none"
    said = shell_at(tmp_path / "home", TIPOFF_DATABASE_URL=url).tipoff("features", "status")
    _says(said, 1, "does not answer", "TIPOFF_DATABASE_URL")
    assert "secret" not in said.err + said.out


def test_an_unknown_command_is_wrong_usage(shell: Any) -> None:
    assert shell.tipoff("predikt").code == 2


def test_an_error_is_json_where_programs_asked(shell: Any) -> None:
    said = shell.tipoff("predict", "--game-date", "2024-03-01", "--json")
    assert said.code == 1
    assert said.json["error"]["remedy"]


@pytest.mark.parametrize("command", [["--help"], ["ingest", "--help"], ["features", "backfill", "--help"]])
def test_help_is_there(shell: Any, command: list[str]) -> None:
    said = shell.tipoff(*command)
    assert said.code == 0
    assert "Usage: tipoff" in said.out
