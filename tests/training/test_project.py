"""The MLflow project: the same training, started by `mlflow run` from anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow.tracking import MlflowClient

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


def test_main_is_train_and_every_parameter_is_text_with_a_default() -> None:
    project = yaml.safe_load((PROJECT / "MLproject").read_text())
    entries = project["entry_points"]
    assert entries["main"] == entries["train"]
    for name, parameter in entries["train"]["parameters"].items():
        assert parameter["type"] == "string"
        assert "default" in parameter
        assert f"--{name.replace('_', '-')} {{{name}}}" in entries["train"]["command"]


def test_the_environment_names_the_lock_that_is_there() -> None:
    environment = yaml.safe_load((PROJECT / "python_env.yaml").read_text())
    assert environment["python"] == "3.11"
    assert environment["dependencies"] == ["-r requirements.lock"]
    assert (PROJECT / "requirements.lock").is_file()


def test_no_parameter_of_the_project_is_logged_a_second_time(league: Any) -> None:
    """MLflow logs them as given, and refuses another value: "" and then the default that it stood for."""
    request = TrainRequest("season_average", "v2_33features", "played", register=False)
    made = train(league.engine, league.home, league.settings, request)
    logged = MlflowClient(league.home.tracking_uri).get_run(made.run_id).data.params
    entry = yaml.safe_load((PROJECT / "MLproject").read_text())["entry_points"]["train"]
    assert not set(logged) & set(entry["parameters"])


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


@pytest.mark.slow
def test_a_run_on_another_store_is_refused_and_the_line_is_named(league: Any, tmp_path: Path) -> None:
    done = mlflow_run(tmp_path, *("-e", "train"), TIPOFF_HOME=str(league.home.root))
    assert done.returncode != 0
    assert 'eval "$(tipoff env)"' in done.stderr
    assert "Traceback" not in done.stderr
