"""The MLflow project: the same training, started by `mlflow run` from anywhere."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from mlflow.tracking import MlflowClient

from contracts.home import Home
from tipoff.__main__ import cli, main
from training.runs import ensure_experiment
from training.train import TrainRequest, train

PROJECT = Path(__file__).resolve().parents[2]


def mlflow_run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TIPOFF_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}"
    command = [sys.executable, "-m", "mlflow", "run", str(PROJECT), "--env-manager", "local", *arguments]
    return subprocess.run(
        command, cwd=folder, env=inherited | {"PATH": path} | environment, capture_output=True, text=True, check=False
    )


def entry_points() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PROJECT / "MLproject").read_text())["entry_points"]
    return found


def options_of(entry: dict[str, Any]) -> tuple[click.Command, set[str]]:
    """The command that an entry point starts, and the options that it gives it."""
    words = shlex.split(entry["command"])
    assert words[:3] == ["python", "-m", "tipoff"]
    command: click.Command = cli
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words[len(path_of(command)) + 3])
    return command, {word for word in words if word.startswith("--")}


def path_of(command: click.Group) -> list[str]:
    return [] if command is cli else [str(command.name)]


def test_the_entry_points_are_those_that_the_interface_names() -> None:
    entries = entry_points()
    assert set(entries) == {"main", "train", "sweep", "backtest", "backfill", "promote", "evaluate"}
    assert entries["main"] == entries["train"]


@pytest.mark.parametrize("name", sorted(entry_points()))
def test_every_parameter_is_a_text_that_goes_to_the_option_of_its_name(name: str) -> None:
    entry = entry_points()[name]
    command, given = options_of(entry)
    known = {word for parameter in command.params for word in (*parameter.opts, *parameter.secondary_opts)}
    assert given <= known
    assert given == {f"--{parameter.replace('_', '-')}" for parameter in entry["parameters"]}
    for parameter, declared in entry["parameters"].items():
        assert declared["type"] == "string"
        assert isinstance(declared.get("default", ""), str)
        assert f"--{parameter.replace('_', '-')} {{{parameter}}}" in entry["command"]


@pytest.mark.parametrize("name", sorted(entry_points()))
def test_what_nobody_gives_is_none_for_the_command(name: str) -> None:
    """`default` in MLproject stands for an option that was left out."""
    entry = entry_points()[name]
    command, _ = options_of(entry)
    defaults = {parameter: declared.get("default", "2023-24") for parameter, declared in entry["parameters"].items()}
    words = shlex.split(entry["command"].format(**defaults))
    said = command.make_context("x", [*words[len(words) - 2 * len(defaults) :]]).params
    left_out = command.make_context("x", ["--test-season", "2023-24"] if name == "backtest" else []).params
    assert said == left_out


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("train", "system", "crystal_ball"),
        ("train", "val_from", "2024-02-30"),
        ("sweep", "trials", "many"),
        ("backtest", "test_season", "2023"),
        ("backtest", "retrain", "daily"),
        ("backfill", "rebuild", "perhaps"),
        ("backfill", "seasons", "23-24"),
        ("backfill", "engine", "dask"),
        ("backfill", "feature_set", "v9"),
        ("promote", "version", "newest"),
        ("promote", "to", "heaven"),
        ("evaluate", "version", "-1"),
        ("evaluate", "from", "yesterday"),
    ],
)
def test_a_wrong_value_of_a_parameter_ends_the_entry_point_with_2_and_names_it(
    name: str, parameter: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("TIPOFF_HOME", str(tmp_path))
    entry = entry_points()[name]
    values = {each: declared.get("default", "2023-24") for each, declared in entry["parameters"].items()}
    words = shlex.split(entry["command"].format(**(values | {parameter: value})))
    with pytest.raises(SystemExit) as ended:
        main(words[3:])
    assert ended.value.code == 2
    assert value in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(set(entry_points()) - {"main"}))
def test_an_entry_point_on_another_store_than_tipoffs_ends_with_2_and_names_the_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """So it is where `mlflow run` was started without `eval "$(tipoff env)"`."""
    monkeypatch.setenv("TIPOFF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    entry = entry_points()[name]
    values = {each: declared.get("default", "2023-24") for each, declared in entry["parameters"].items()}
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(entry["command"].format(**values))[3:])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert str(tmp_path / "mlflow.db") in said
    assert 'eval "$(tipoff env)"' in said


def lock_hash() -> str:
    return hashlib.sha256((PROJECT / "requirements.lock").read_bytes()).hexdigest()


def test_the_environment_names_the_lock_with_its_hash() -> None:
    environment = yaml.safe_load((PROJECT / "python_env.yaml").read_text())
    assert environment["python"] == "3.11"
    assert environment["dependencies"] == [f"-r requirements.lock  # sha256:{lock_hash()}"]


def test_another_hash_of_the_lock_is_another_environment_for_mlflow(tmp_path: Path) -> None:
    """Even where MLflow does not read what the file refers to."""
    from mlflow.utils.environment import _PythonEnv
    from mlflow.utils.virtualenv import _get_virtualenv_name

    (tmp_path / "requirements.lock").write_text("click==8.3.0\n")
    text = (PROJECT / "python_env.yaml").read_text()
    names = []
    for number, content in enumerate((text, text.replace(lock_hash(), "0" * 64))):
        path = tmp_path / f"{number}.yaml"
        path.write_text(content)
        names.append(_get_virtualenv_name(_PythonEnv.from_yaml(path), tmp_path))
    assert names[0] != names[1]


def test_a_changed_lock_fails_make_check_and_make_lock_mends_it(tmp_path: Path) -> None:
    """With a `uv` that changes the lock and does nothing else."""
    for name in ("Makefile", "python_env.yaml", "requirements.lock", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, does in (("uv", "echo '# newer' >> requirements.lock"), ("true-tool", "exit 0")):
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    (tmp_path / ".venv").mkdir()
    tools = tmp_path / ".venv" / "bin"
    tools.mkdir()
    for name in ("ruff", "mypy", "lint-imports", "python"):
        (tools / name).symlink_to(programs / "true-tool")
    (tmp_path / ".venv" / ".ready").touch()

    def make(target: str) -> subprocess.CompletedProcess[str]:
        command = ["make", "-o", ".venv/.ready", f"PYTHON={sys.executable}", target]
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            command, cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
        )

    assert make("check").returncode == 0
    with (tmp_path / "requirements.lock").open("a") as lock:
        lock.write("# changed by hand\n")
    refused = make("check")
    assert refused.returncode != 0
    assert "make lock" in refused.stdout
    assert make("lock").returncode == 0
    assert make("check").returncode == 0


@pytest.mark.slow
def test_no_parameter_of_the_project_is_logged_a_second_time(league: Any) -> None:
    """MLflow logs them as given, and refuses another value: "" and then the default that it stood for."""
    request = TrainRequest("season_average", "v2_33features", "played", register=False)
    made = train(league.engine, league.home, league.settings, request)
    logged = MlflowClient(league.home.tracking_uri).get_run(made.run_id).data.params
    assert not set(logged) & set(entry_points()["train"]["parameters"])


@pytest.mark.slow
def test_a_run_from_another_folder_lands_in_the_store_that_tipoff_env_names(league: Any, tmp_path: Path) -> None:
    ensure_experiment(league.home)
    done = mlflow_run(
        tmp_path,
        *("-P", "system=season_average"),
        TIPOFF_HOME=str(league.home.root),
        MLFLOW_TRACKING_URI=league.home.tracking_uri,
        MLFLOW_EXPERIMENT_NAME="tipoff",
    )
    assert done.returncode == 0, done.stderr
    client = MlflowClient(league.home.tracking_uri)
    run = client.search_runs([client.get_experiment_by_name("tipoff").experiment_id], max_results=1)[0]
    assert run.info.run_name.startswith("season_average on v2_33features")
    assert run.data.tags["mlflow.project.entryPoint"] == "main"
    assert run.info.artifact_uri.startswith(league.home.artifacts.as_uri())


def source_of(clone: Path) -> str:
    code = "from training.source import find_source; print(find_source().is_dirty)"
    said = subprocess.run([sys.executable, "-c", code], cwd=clone, capture_output=True, text=True, check=True)
    return said.stdout.strip()


@pytest.fixture(scope="module")
def fresh_clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git keeps of this project, in a folder of its own."""
    folder = tmp_path_factory.mktemp("clone") / "tipoff"
    if subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(folder)], check=False).returncode:
        pytest.skip("this is no git checkout")
    return folder


def test_a_changed_file_and_a_new_file_of_code_make_the_tree_dirty_and_a_stray_note_does_not(
    fresh_clone: Path, tmp_path: Path
) -> None:
    clone = Path(shutil.copytree(fresh_clone, tmp_path / "own"))
    assert source_of(clone) == "False"
    (clone / "notes.txt").write_text("buy milk")
    assert source_of(clone) == "False"
    (clone / "conf" / "systems" / "mine.yaml").write_text("class: systems.xgboost:XGBoost\n")
    assert source_of(clone) == "True"
    (clone / "conf" / "systems" / "mine.yaml").unlink()
    with (clone / "README.md").open("a") as readme:
        readme.write("changed")
    assert source_of(clone) == "True"


@pytest.mark.slow
def test_a_fresh_clone_runs_in_an_environment_that_uv_makes_of_its_lock(
    fresh_clone: Path, league: Any, tmp_path: Path
) -> None:
    """Of the environment of these tests only mlflow and uv are used; the tree is clean, and the run says so."""
    if shutil.which("uv") is None:
        pytest.skip("no uv here")
    ensure_experiment(league.home)
    places = {
        "TIPOFF_HOME": str(league.home.root),
        "MLFLOW_TRACKING_URI": league.home.tracking_uri,
        "MLFLOW_EXPERIMENT_NAME": "tipoff",
        "MLFLOW_ENV_ROOT": str(tmp_path / "environments"),
    }
    command = ("run", str(fresh_clone), "--env-manager", "uv", "-e", "train", "-P", "system=season_average")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TIPOFF_"))}
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", *command],
        cwd=tmp_path,
        env=inherited | places,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "environments").glob("mlflow-*/bin/python"))) == 1
    client = MlflowClient(league.home.tracking_uri)
    run = client.search_runs([client.get_experiment_by_name("tipoff").experiment_id], max_results=1)[0]
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.project.env"] == "uv"
    assert run.data.tags["git_dirty"] == "false"


@pytest.mark.slow
def test_backfill_evaluate_and_promote_run_as_projects_and_say_what_came_of_it(
    make_league: Callable[..., Path], tmp_path: Path
) -> None:
    """A refusal of the gate is a failed run, and none is left running."""
    home = make_league(tmp_path / "home").parent
    places = {
        "TIPOFF_HOME": str(home),
        "MLFLOW_TRACKING_URI": f"sqlite:///{home / 'mlflow.db'}",
        "MLFLOW_EXPERIMENT_NAME": "tipoff",
    }
    ensure_experiment(Home(home, f"sqlite:///{home / 'tipoff.db'}", places["MLFLOW_TRACKING_URI"]))
    done = [
        mlflow_run(tmp_path, "-e", entry, *parameters, **places).returncode
        for entry, *parameters in (
            ("backfill", "-P", "rebuild=yes"),
            ("train", "-P", "system=last_10_average"),
            ("evaluate",),
            ("promote", "-P", "reason=a try of it"),
        )
    ]
    assert done == [0, 0, 0, 1]
    client = MlflowClient(places["MLFLOW_TRACKING_URI"])
    runs = client.search_runs([client.get_experiment_by_name("tipoff").experiment_id])
    said = {run.data.tags.get("mlflow.project.entryPoint"): run for run in runs}
    assert {run.info.status for run in runs} == {"FINISHED", "FAILED"}
    assert said["backfill"].data.metrics["dates"] > 10
    assert said["backfill"].data.tags["kind"] == "backfill"
    assert said["evaluate"].info.run_name.startswith("evaluation of version 2 (last_10_average)")
    assert said["promote"].info.status == "FAILED"
    assert said["promote"].data.tags["promoted"] == "false"
    assert "enough_rows" in said["promote"].data.tags["gate"]


@pytest.mark.slow
def test_a_run_on_another_store_is_refused_and_the_line_is_named(league: Any, tmp_path: Path) -> None:
    done = mlflow_run(tmp_path, *("-e", "train"), TIPOFF_HOME=str(league.home.root))
    assert done.returncode != 0
    assert 'eval "$(tipoff env)"' in done.stderr
    assert "Traceback" not in done.stderr
