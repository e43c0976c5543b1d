"""A sweep on a small league: no trial sees validation, every trial is a run, and one version comes of it."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from mlflow.tracking import MlflowClient

from contracts.errors import RefusedError, TipoffError, UsageError
from features.feature_sets import load_feature_set
from registry.versions import get_version
from training import sweep_worker
from training.dataset import Dataset, load_dataset
from training.folds import cut_folds
from training.study import State
from training.sweep import SweepProgress, SweepRequest, SweepResult, sweep
from training.train import TrainRequest

pytestmark = pytest.mark.usefixtures("few_trees", "conf_in_force")
PROJECT = Path(__file__).resolve().parents[2]
TRAINING = TrainRequest(system="xgboost", feature_set="v2_33features", population="played")
REQUEST = SweepRequest(TRAINING, n_trials=7, study="tests")
SPACE = """
threads: nthread
parameters:
  learning_rate: {type: float, low: 0.05, high: 0.9, log: true}
  max_depth: {type: int, low: 1, high: 4}
"""


@pytest.fixture(scope="module")
def conf_files() -> dict[str, str]:
    """Few trees, and a space small enough to try."""
    entry = "class: systems.xgboost:XGBoost\nparameters: {n_estimators: 40, max_depth: 2, learning_rate: 0.1}\n"
    return {"systems/xgboost.yaml": entry, "search_spaces/xgboost.yaml": SPACE}


@pytest.fixture(scope="module")
def told() -> list[SweepProgress]:
    return []


@pytest.fixture(scope="module")
def result(league: Any, told: list[SweepProgress], few_trees: Path) -> SweepResult:
    return sweep(league.engine, league.home, league.settings, REQUEST, told.append)


@pytest.fixture(scope="module")
def client(league: Any) -> MlflowClient:
    return MlflowClient(league.home.tracking_uri)


@pytest.fixture(scope="module")
def dataset(league: Any) -> Dataset:
    return load_dataset(league.engine, load_feature_set("v2_33features"), league.settings, population="played")


# ---------------------------------------------------------------- the folds
def test_folds_follow_one_another_and_each_learns_only_from_before_itself(dataset: Dataset, league: Any) -> None:
    folds = cut_folds(dataset, league.settings.training)
    assert len(folds) == 3
    for before, after in itertools.pairwise(folds):
        assert before.validation.last < after.validation.first
    for fold in folds:
        assert fold.train.last < fold.tune.first <= fold.tune.last < fold.validation.first
    days = np.unique(dataset.dates[dataset.in_population])
    assert str(folds[-1].validation.last) == str(days[-1])


def test_an_embargo_is_kept_before_each_fold(dataset: Dataset, league: Any) -> None:
    settings = league.settings.training.model_copy(update={"embargo_days": 5})
    assert all((fold.validation.first - fold.tune.last).days > 5 for fold in cut_folds(dataset, settings))


def test_more_folds_than_dates_are_wrong_usage(dataset: Dataset, league: Any) -> None:
    settings = league.settings.training.model_copy(update={"sweep_folds": 50, "sweep_share": 0.1})
    with pytest.raises(UsageError, match="too few for 50 folds"):
        cut_folds(dataset, settings)


# ---------------------------------------------------------------- what it says
def test_the_answer_is_plain_json_with_the_best_of_all_trials(result: SweepResult) -> None:
    said = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert {"run_id", "best_value", "trials", "pruned", "model_version"} <= set(said)
    assert (said["trials"], said["failed"], said["abandoned"]) == (7, 0, 0)
    complete = [record for record in result.records if record.state is State.COMPLETE]
    assert said["best_value"] == min(record.value for record in complete)
    assert said["pruned"] == 7 - len(complete)
    for record in complete:
        assert record.value == pytest.approx(np.mean(record.folds))
        assert len(record.folds) == 3


def test_progress_ends_with_all_trials_and_the_best(result: SweepResult, told: list[SweepProgress]) -> None:
    assert (told[0].n_done, told[0].n_trials, told[0].best) == (0, 7, None)
    assert (told[-1].n_done, told[-1].best) == (7, result.winner.value)


def test_the_winner_is_validated_on_dates_that_no_trial_saw_and_registered(result: SweepResult, league: Any) -> None:
    version = get_version(league.engine, result.model_version)
    assert version.system == "xgboost"
    assert version.run_id == result.run_id
    assert result.trained is not None
    assert version.train_to < result.trained.val_from
    about = sweep_worker_about(league)
    assert max(about["folds"])[-10:] <= str(version.train_to)


def sweep_worker_about(league: Any) -> dict[str, Any]:
    """What the study wrote down that it is about."""
    lines = (league.home.studies / "tests.journal").read_text().splitlines()
    found = [line["user_attr"]["about"] for line in map(json.loads, lines) if "about" in line.get("user_attr", {})]
    about: dict[str, Any] = found[0]
    return about


# ---------------------------------------------------------------- the runs
def test_each_trial_is_a_nested_run_with_its_name_its_parameters_and_its_end(
    result: SweepResult, client: MlflowClient
) -> None:
    for record in result.records:
        run = client.get_run(record.run_id)
        assert run.data.tags["mlflow.parentRunId"] == result.run_id
        assert run.info.run_name.startswith(f"trial {record.number}: ")
        assert float(run.data.params["learning_rate"]) == record.params["learning_rate"]
        assert run.data.tags["trial_state"] == record.state
        assert run.info.status == ("FINISHED" if record.state is State.COMPLETE else "KILLED")
        if record.state is State.COMPLETE:
            assert run.data.metrics["mae"] == record.value
            assert [run.data.metrics[f"fold_{fold}_mae"] for fold in (1, 2, 3)] == record.folds


def test_the_run_of_the_sweep_keeps_the_table_the_plots_and_the_winner(
    result: SweepResult, client: MlflowClient, tmp_path: Path
) -> None:
    run = client.get_run(result.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["best_value"] == result.winner.value
    assert run.data.params["max_depth"] == str(result.winner.params["max_depth"])
    assert "val_mae_played" in run.data.metrics
    assert f"| {result.winner.number} | {result.winner.value:.4f} |" in run.data.tags["mlflow.note.content"]
    plots = {Path(entry.path).stem for entry in client.list_artifacts(result.run_id, "plots")}
    assert {"sweep_history", "hyperparameter_importance", "importance"} <= plots
    table = Path(client.download_artifacts(result.run_id, "trials.csv", str(tmp_path))).read_text().splitlines()
    assert table[0].startswith("trial,state,value,learning_rate,max_depth")
    assert len(table) == 8


def test_no_parameter_of_the_project_is_logged_a_second_time(result: SweepResult, client: MlflowClient) -> None:
    entry = yaml.safe_load((PROJECT / "MLproject").read_text())["entry_points"]["sweep"]
    assert not set(client.get_run(result.run_id).data.params) & set(entry["parameters"])
    for name, parameter in entry["parameters"].items():
        assert parameter["type"] == "string"
        assert f"--{name.replace('_', '-')} {{{name}}}" in entry["command"]


# ---------------------------------------------------------------- again
def test_the_same_command_again_tries_nothing_and_registers_nothing(result: SweepResult, league: Any) -> None:
    again = sweep(league.engine, league.home, league.settings, REQUEST)
    assert again.records == result.records
    assert again.model_version == result.model_version
    assert again.trained is None
    assert again.to_json()["metrics"] == result.to_json()["metrics"]


def test_a_study_of_other_rows_is_refused_and_leaves_no_run(result: SweepResult, league: Any) -> None:
    other = replace(REQUEST, training=replace(TRAINING, population="rotation"))
    with pytest.raises(RefusedError, match="population: played, not rotation") as refused:
        sweep(league.engine, league.home, league.settings, other)
    assert refused.value.exit_code == 3


def test_a_trial_that_fails_ends_the_sweep_with_its_run_failed_and_the_rest_goes_on_by_the_same_command(
    league: Any, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = replace(REQUEST, n_trials=2, study="failing", training=replace(TRAINING, register=False))
    with monkeypatch.context() as patch:

        def fail(*given: Any, **named: Any) -> None:
            raise ValueError("the tree fell")

        patch.setattr(sweep_worker, "judge", fail)
        with pytest.raises(TipoffError, match="Trial 0 of study 'failing' failed: ValueError: the tree fell"):
            sweep(league.engine, league.home, league.settings, request)
    made = sweep(league.engine, league.home, league.settings, request)
    assert [record.state for record in made.records] == [State.FAILED, State.COMPLETE]
    assert made.records[0].error == "ValueError: the tree fell"
    assert client.get_run(made.records[0].run_id).info.status == "FAILED"
    assert made.model_version is None


@pytest.mark.parametrize(
    ("changed", "said"), [({"n_trials": 0}, "--trials is 0"), ({"n_workers": -1}, "--workers is -1")]
)
def test_numbers_below_1_are_wrong_usage(changed: dict[str, int], said: str, league: Any) -> None:
    with pytest.raises(UsageError, match=said):
        sweep(league.engine, league.home, league.settings, replace(REQUEST, **changed))
