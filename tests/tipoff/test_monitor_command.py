"""`tipoff monitor`: findings and exit code 0; 1 where something is down or a drill stays silent; 2 for a wrong name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.database import open_database
from contracts.ports import free_port
from monitoring.monitors.catalog import MONITORS


@pytest.fixture
def shell_of_league(built: Path, tmp_path: Path, inside_at: Callable[..., Any]) -> Any:
    """A shell over a copy of the small league; no service is where one would be."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(built, home / "tipoff.db")
    return inside_at(home, TIPOFF_SERVING__PORT=str(free_port()), TIPOFF_MONITORS__MIN_ROWS="20")


def last_date(shell: Any) -> str:
    engine = open_database(f"sqlite:///{shell.home / 'tipoff.db'}")
    with engine.connect() as connection:
        found = connection.scalar(sa.text("SELECT max(game_date) FROM player_games"))
    engine.dispose()
    return str(found)


def test_an_empty_home_has_no_findings(tmp_path, inside_at):
    shell = inside_at(tmp_path / "home", TIPOFF_SERVING__PORT=str(free_port()))
    said = shell.tipoff("monitor", "--json")
    assert said.code == 0
    assert (said.json["findings"], said.json["actions"], said.json["down"]) == ([], [], {})
    assert {reading["monitor"] for reading in said.json["readings"]} == set(MONITORS)


def test_what_is_wrong_is_listed_with_a_command_and_exit_code_0(shell_of_league):
    day = last_date(shell_of_league)
    said = shell_of_league.tipoff("monitor", "--date", day, "--json")
    assert said.code == 0
    (finding,) = [each for each in said.json["findings"] if each["name"] == "coverage"]
    assert finding["remedy"] == f"tipoff batch start --game-date {day}"
    shown = shell_of_league.tipoff("monitor", "--date", day)
    assert "blocked" in shown.err
    assert "coverage" in shown.err


def test_a_service_that_is_down_is_exit_code_1(built, tmp_path, inside_at):
    shell = inside_at(tmp_path / "home", TIPOFF_REGISTRY__SERVICES=f"[http://127.0.0.1:{free_port()}]")
    said = shell.tipoff("monitor", "--json")
    assert said.code == 1
    assert list(said.json["down"]) == ["registry_vs_service"]


def test_every_monitor_is_listed_with_what_it_measures_its_limit_and_its_action(shell):
    listed = shell.done("monitor", "list")["monitors"]
    assert [each["name"] for each in listed] == list(MONITORS)
    assert all(each["measures"] and each["limit"] and each["action"] for each in listed)


def test_a_drill_that_fires_is_exit_code_0_and_one_that_cannot_be_held_says_why(shell_of_league):
    said = shell_of_league.tipoff("monitor", "drill", "coverage", "--json")
    assert (said.code, said.json["passed"]) == (0, True)
    assert said.json["drills"][0]["before"] == {"slate": "healthy"}
    assert said.json["drills"][0]["after"] == {"slate": "blocked"}
    unknown = shell_of_league.tipoff("monitor", "drill", "nonsense", "--json")
    assert unknown.code == 2
    assert "coverage" in unknown.json["error"]["remedy"]


def test_a_drill_on_an_empty_home_is_exit_code_1(tmp_path, inside_at):
    said = inside_at(tmp_path / "home").tipoff("monitor", "drill", "all", "--json")
    assert said.code == 1
    assert "not built" in said.json["error"]["message"]
