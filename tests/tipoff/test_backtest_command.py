"""`tipoff backtest` as a user starts it: a table and the looks for people, one JSON object for programs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.database import open_database
from contracts.settings import load_settings
from contracts.tables import backtest_looks, player_games
from features.feature_sets import load_feature_set
from features.table.backfill import backfill
from tipoff.__main__ import main

PROJECT = Path(__file__).resolve().parents[2]
KEYS = {"looks", "populations", "seconds", "system", "feature_set", "build_id", "dataset_sha256", "folds"}


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory, make_league: Callable[..., Path]) -> Path:
    """The database of two simulated seasons, 2022-23 and 2023-24, which nobody has looked at."""
    return make_league(tmp_path_factory.mktemp("built"), n_seasons=2)


@pytest.fixture
def home(built_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, in force."""
    root = tmp_path / "home"
    root.mkdir()
    shutil.copy(built_once, root / "tipoff.db")
    monkeypatch.setenv("TIPOFF_HOME", str(root))
    return root


@pytest.fixture
def database(home: Path) -> Iterator[sa.Engine]:
    engine = open_database(f"sqlite:///{home / 'tipoff.db'}")
    yield engine
    engine.dispose()


def tipoff(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["backtest", "--no-log", *arguments])
    return int(ended.value.code or 0)


def n_looks(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(backtest_looks)).scalar_one()


def last_line(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    return found


@pytest.mark.usefixtures("home")
def test_programs_get_one_object_and_each_look_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--system", "season_average", "--test-season", "2023-24", "--json")
    assert tipoff(*arguments) == 0
    first = last_line(capsys.readouterr().out)
    assert set(first) >= KEYS
    assert first["looks"] == 1
    assert first["run_id"] is None
    played = first["populations"]["played"]
    assert played["mae"] == played["baselines"]["season_average"]
    assert tipoff(*arguments) == 0
    second = last_line(capsys.readouterr().out)
    assert second["looks"] == 2
    assert second["populations"] == first["populations"]
    assert second["best_before"]["mae"] == played["mae"]


@pytest.mark.usefixtures("home")
def test_people_get_a_table_with_the_baselines_and_are_told_how_often_the_season_was_looked_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ("--system", "last_10_average", "--test-season", "2023-24", "--retrain", "monthly")
    assert tipoff(*arguments) == 0
    once = capsys.readouterr()
    assert once.out == ""
    assert "Look 1 at 2023-24" in once.err
    for word in ("Backtest of 2023-24", "95 % interval", "season_average", "rotation", "line", "3/3 folds"):
        assert word in once.err
    assert "Left out of early, not predicted:" in once.err
    assert tipoff(*arguments) == 0
    twice = capsys.readouterr().err
    assert "Look 2 at 2023-24. The best before: played" in twice
    assert "report on this one" in twice


def test_a_set_that_accepts_closing_lines_says_so(
    database: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = tmp_path / "conf"
    (conf / "feature_sets").mkdir(parents=True)
    shipped = (PROJECT / "conf" / "feature_sets" / "v2_33features.yaml").read_text()
    declared = shipped.replace("name: v2_33features", "name: closing").replace(
        "accept_closing_game_lines: false", "accept_closing_game_lines: true"
    )
    (conf / "feature_sets" / "closing.yaml").write_text(declared)
    monkeypatch.setenv("TIPOFF_CONF", str(conf))
    backfill(database, load_feature_set("closing"), load_settings())
    arguments = ("--feature-set", "closing", "--system", "season_average", "--test-season", "2023-24")
    assert tipoff(*arguments, "--json") == 0
    assert last_line(capsys.readouterr().out)["accepts_closing_game_lines"] is True
    assert tipoff(*arguments) == 0
    assert "uses closing game lines: known at tip-off, not before" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--test-season", "2030-31"], "no results of season 2030-31"),
        (["--test-season", "2022-23"], "0 dates with rows to learn from lie before 2022-10-"),
        (["--test-season", "2023"], "'2023' is not a season"),
        (["--test-season", "2023-25"], "'2023-25' is not a season"),
        (["--test-season", "default"], "'default' is not a season"),
        ([], "Missing option '--test-season'"),
        (["--test-season", "2023-24", "--system", "crystal_ball"], "'crystal_ball' is not a system"),
        (["--test-season", "2023-24", "--feature-set", "nonsense"], "'nonsense' is not a feature set"),
        (["--test-season", "2023-24", "--population", "starters"], "'starters' is not a population"),
        (["--test-season", "2023-24", "--retrain", "weekly"], "'weekly' is not one of"),
        (["--test-season", "2023-24", "--seed", "-1"], "-1 is not in the range"),
    ],
)
def test_wrong_usage_ends_with_2_and_is_no_look(
    arguments: list[str], said: str, database: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tipoff(*arguments, "--json") == 2
    error = last_line(capsys.readouterr().out)["error"]
    assert error["code"] == "usage"
    assert said in error["message"]
    assert n_looks(database) == 0


def test_an_unknown_season_names_the_known_ones(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tipoff("--test-season", "1999-00") == 2
    assert "Choose one of 2022-23, 2023-24" in capsys.readouterr().err


def test_stale_rows_are_refused_with_3(database: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    with database.begin() as connection:
        connection.execute(player_games.update().values(assists=player_games.c.assists + 1))
    assert tipoff("--test-season", "2023-24", "--json") == 3
    said = capsys.readouterr()
    assert last_line(said.out)["error"]["code"] == "refused"
    assert "tipoff features backfill" in said.err
    assert n_looks(database) == 0


def test_without_a_build_it_fails_and_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIPOFF_HOME", str(tmp_path / "empty"))
    assert tipoff("--test-season", "2023-24") == 1
    assert "tipoff features backfill" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_at_once_are_two_looks(home: Path, shell_at: Callable[..., Any]) -> None:
    shell = shell_at(home)
    command = [sys.executable, "-m", "tipoff", "backtest", "--no-log", "--system", "season_average"]
    started = [
        subprocess.Popen(
            [*command, "--test-season", "2023-24", "--json"],
            cwd=PROJECT,
            env=shell.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ended = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0, 0], ended
    assert sorted(last_line(out)["looks"] for out, _ in ended) == [1, 2]


@pytest.mark.slow
def test_one_that_was_killed_goes_on_by_the_same_command(home: Path, shell_at: Callable[..., Any]) -> None:
    """kill -9 once a fold is kept; what comes of it is what one that nobody killed says."""
    shell = shell_at(home)
    options = ["--system", "xgboost", "--retrain", "monthly", "--test-season", "2023-24", "--json"]
    killed = subprocess.Popen(
        [sys.executable, "-m", "tipoff", "backtest", *options], cwd=PROJECT, env=shell.environment
    )
    deadline = time.monotonic() + 300
    while not list((home / "backtests").glob("*/fold-000.npz")):
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    resumed = shell.done("backtest", *options)
    assert 1 <= resumed["n_resumed"] < len(resumed["folds"])
    assert resumed["looks"] == 1
    whole = shell.done("backtest", *options)
    assert whole["n_resumed"] == 0
    assert resumed["populations"] == whole["populations"]
    assert resumed["folds"] == whole["folds"]


@pytest.mark.slow
def test_the_mlflow_project_has_it_as_an_entry(home: Path, tmp_path: Path, shell_at: Callable[..., Any]) -> None:
    shell = shell_at(home)
    assert shell.tipoff("env").code == 0  # makes the experiment, with its artifacts under the home
    entry = ("-e", "backtest", "--env-manager", "local", "-P", "test_season=2023-24", "-P", "system=season_average")
    done = shell.run(sys.executable, "-m", "mlflow", "run", str(PROJECT), *entry, cwd=tmp_path)
    assert done.code == 0, done.err
    assert "Look 1 at 2023-24" in done.err
