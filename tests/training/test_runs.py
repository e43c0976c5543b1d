"""Runs land in tipoff's store, under the home, with the end that they had."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from contracts.errors import UsageError
from contracts.home import Home
from training.runs import ensure_experiment, open_run, refuse_other_store


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    root = tmp_path_factory.mktemp("runs")
    return Home(root, "sqlite://", f"sqlite:///{root / 'mlflow.db'}")


@pytest.fixture(scope="module")
def client(home: Home) -> MlflowClient:
    ensure_experiment(home)
    return MlflowClient(home.tracking_uri)


def test_the_experiment_is_made_once_with_its_artifacts_under_the_home(home: Home, client: MlflowClient) -> None:
    experiment = client.get_experiment(ensure_experiment(home))
    assert ensure_experiment(home) == experiment.experiment_id
    assert experiment.name == "tipoff"
    assert experiment.artifact_location == home.artifacts.as_uri()


def test_a_deleted_experiment_is_wrong_usage_and_the_way_back_is_named(home: Home, client: MlflowClient) -> None:
    experiment = ensure_experiment(home)
    client.delete_experiment(experiment)
    try:
        with pytest.raises(UsageError, match=f"restore --experiment-id {experiment}"):
            ensure_experiment(home)
    finally:
        client.restore_experiment(experiment)


def test_a_run_ends_finished(home: Home, client: MlflowClient) -> None:
    with open_run(home, "a name for people") as run:
        run.say(params={"a": 1, "nothing": None}, metrics={"m": 2.5}, tags={"t": "x"}, description="**words**")
        run.curve("loss", [float(value) for value in range(1000)])
    kept = client.get_run(run.run_id)
    assert kept.info.status == "FINISHED"
    assert kept.info.run_name == "a name for people"
    assert kept.data.params == {"a": "1"}
    assert kept.data.tags["mlflow.note.content"] == "**words**"
    history = client.get_metric_history(run.run_id, "loss")
    assert 300 <= len(history) <= 400
    assert (history[-1].step, history[-1].value) == (999, 999.0)


def test_a_run_that_raises_ends_failed(home: Home, client: MlflowClient) -> None:
    with pytest.raises(ZeroDivisionError), open_run(home, "doomed") as run:
        raise ZeroDivisionError
    assert client.get_run(run.run_id).info.status == "FAILED"


def test_inside_mlflow_run_the_run_that_mlflow_made_is_taken(
    home: Home, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = client.create_run(ensure_experiment(home), run_name="abrasive-ant-7")
    monkeypatch.setenv("MLFLOW_RUN_ID", made.info.run_id)
    with open_run(home, "xgboost on something") as run:
        assert run.run_id == made.info.run_id
    assert client.get_run(run.run_id).info.run_name == "xgboost on something"


@pytest.mark.parametrize(
    "uri", ["sqlite:///{cwd}/mlflow.db", "sqlite:///mlflow.db", "file:///elsewhere/mlruns", "mlruns"]
)
def test_mlflow_run_on_another_local_store_is_wrong_usage_and_the_line_is_named(
    uri: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Home(home.root, home.database_url, uri.format(cwd=tmp_path))
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    with pytest.raises(UsageError, match=r'eval "\$\(tipoff env\)"') as caught:
        refuse_other_store(elsewhere)
    assert caught.value.exit_code == 2


def test_a_store_that_was_chosen_is_no_mismatch(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_file = Home(home.root, home.database_url, f"sqlite:///{tmp_path}/mine.db")
    refuse_other_store(own_file)  # not inside mlflow run
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    refuse_other_store(home)
    refuse_other_store(Home(home.root, home.database_url, "https://mlflow.example.org"))
    refuse_other_store(Home(home.root, home.database_url, "postgresql://u@h/mlflow"))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "tipoff")  # as `tipoff env` sets it
    refuse_other_store(own_file)
