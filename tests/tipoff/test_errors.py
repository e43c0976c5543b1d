"""Every expected mistake ends in one clear line that names the remedy, the documented exit code, and no traceback."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from conftest import Said, Shell

GAME_LOG_HEADER = "SEASON_ID,PLAYER_ID,PLAYER_NAME\n22023,1,A\n"


def _says(said: Said, code: int, *words: str) -> None:
    assert said.code == code, said.err
    assert "Traceback" not in said.err + said.out
    assert "Error" in said.err
    for word in words:
        assert word in said.err.replace("\n", " ")


def test_a_missing_file_is_named(shell: Shell) -> None:
    _says(shell.tipoff("ingest", "game-logs", "nowhere.csv"), 2, "nowhere.csv")


def test_a_missing_column_is_named_with_the_layout(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "logs.csv"
    path.write_text(GAME_LOG_HEADER)
    _says(shell.tipoff("ingest", "game-logs", str(path)), 2, "GAME_DATE", "MATCHUP", "PTS")


def test_a_season_that_is_none_is_refused(shell: Shell) -> None:
    _says(shell.tipoff("features", "backfill", "--seasons", "2023-25"), 2, "'2023-25' is not a season", "2023-24")


def test_a_backfill_without_facts_names_ingest(shell: Shell) -> None:
    _says(shell.tipoff("features", "backfill"), 1, "tipoff ingest")


def test_an_unknown_system_names_the_known_ones(shell: Shell) -> None:
    _says(shell.tipoff("train", "--system", "crystal_ball"), 2, "crystal_ball", "xgboost")


def test_an_unknown_feature_set_names_the_known_ones(shell: Shell) -> None:
    _says(shell.tipoff("features", "backfill", "--feature-set", "v9"), 2, "v9", "v2_33features")


def test_a_date_that_is_none_is_refused(shell: Shell) -> None:
    _says(shell.tipoff("predict", "--game-date", "2024-02-30"), 2, "2024-02-30")


def test_predicting_without_production_names_promote(shell: Shell) -> None:
    _says(shell.tipoff("predict", "--game-date", "2024-03-01"), 1, "tipoff promote")


def test_promoting_without_versions_names_train(shell: Shell) -> None:
    _says(shell.tipoff("promote"), 1, "tipoff train")


def test_a_busy_port_is_named(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        _says(shell.tipoff("serve", "--port", str(port)), 1, str(port), "--port")


def test_an_unwritable_home_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("not a folder")
    _says(Shell(blocked / "home").tipoff("features", "status"), 2, "TIPOFF_HOME", str(blocked))


def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    said = Shell(tmp_path / "home", {"TIPOFF_GATE__MIN_ROW": "5"}).tipoff("features", "status")
    _says(said, 2, "gate.min_row")


def test_a_setting_out_of_range_is_named(tmp_path: Path) -> None:
    said = Shell(tmp_path / "home", {"TIPOFF_GATE__MIN_ROWS": "many"}).tipoff("config")
    _says(said, 2, "gate.min_rows", "many")


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://someone:secret@127.0.0.1:9/none"
    said = Shell(tmp_path / "home", {"TIPOFF_DATABASE_URL": url}).tipoff("features", "status")
    _says(said, 1, "does not answer", "TIPOFF_DATABASE_URL")
    assert "secret" not in said.err + said.out


def test_an_unknown_command_is_wrong_usage(shell: Shell) -> None:
    assert shell.tipoff("predikt").code == 2


def test_an_error_is_json_where_programs_asked(shell: Shell) -> None:
    said = shell.tipoff("predict", "--game-date", "2024-03-01", "--json")
    assert said.code == 1
    assert said.json["error"]["remedy"]


@pytest.mark.parametrize("command", [["--help"], ["ingest", "--help"], ["features", "backfill", "--help"]])
def test_help_is_there(shell: Shell, command: list[str]) -> None:
    said = shell.tipoff(*command)
    assert said.code == 0
    assert "Usage: tipoff" in said.out
