"""`tipoff doctor`: every part is asked, what nobody has made is to do, and what is broken is named with its remedy."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def shell(built: Path, tmp_path: Path, inside_at: Any) -> Any:
    """The command line over a copy of a small built league."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(built, home / "tipoff.db")
    return inside_at(home)


def health(said: Any) -> dict[str, str]:
    return {check["name"]: check["health"] for check in said.json["checks"]}


def test_an_empty_home_is_well_and_has_everything_to_do(tmp_path: Path, inside_at: Any) -> None:
    said = inside_at(tmp_path / "home").tipoff("doctor", "--json")
    assert said.code == 0
    found = health(said)
    assert {name for name, state in found.items() if state == "to_do"} == {
        "raw facts",
        "feature table",
        "Production",
        "services",
    }
    assert "broken" not in found.values()


def test_a_built_league_is_well_and_its_stale_dates_are_to_do(shell: Any) -> None:
    assert health(shell.tipoff("doctor", "--json"))["feature table"] == "well"
    with sqlite3.connect(shell.home / "tipoff.db") as connection:
        connection.execute("DELETE FROM player_games WHERE game_id = (SELECT min(game_id) FROM player_games)")
    said = shell.tipoff("doctor", "--json")
    feature_table = next(check for check in said.json["checks"] if check["name"] == "feature table")
    assert (feature_table["health"], feature_table["remedy"]) == ("to_do", "tipoff features backfill")


def test_a_standing_alarm_and_a_changed_history_are_broken_and_the_exit_code_says_so(shell: Any) -> None:
    with sqlite3.connect(shell.home / "tipoff.db") as connection:
        connection.execute(
            "INSERT INTO alarms (origin, name, subject, message, remedy, raised_at, seen_at) VALUES "
            "('day', 'ingest', '2024-03-01', 'It is down.', 'tipoff day', '2024-03-01 10:00', '2024-03-01 10:00')"
        )
        connection.execute(
            "INSERT INTO promotion_history (seq, model_name, version, action, from_stage, to_stage, sha256, at, actor, "
            "previous_hash, hash) VALUES (1, 'tipoff-points', 1, 'promote', 'None', 'Production', 'a', "
            "'2024-03-01 10:00', 'mallory', 'b', 'c')"
        )
    said = shell.tipoff("doctor", "--json")
    found = health(said)
    assert said.code == 1
    assert said.json["healthy"] is False
    assert (found["alarms"], found["promotion history"]) == ("broken", "broken")
    assert found["database"] == "well", "one that is broken keeps nobody from asking the others"


def test_a_service_that_is_gone_or_answers_otherwise_is_broken(shell: Any) -> None:
    variables = {"TIPOFF_REGISTRY__SERVICES": "[http://127.0.0.1:9]"}
    said = type(shell)(shell.home, variables).tipoff("doctor", "--json")
    services = next(check for check in said.json["checks"] if check["name"] == "services")
    assert services["health"] == "broken"
    assert "http://127.0.0.1:9 does not answer" in services["detail"]
