"""A version is judged on dates that it has not seen, on the same rows as the averages, and every look is counted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from mlflow.tracking import MlflowClient

from contracts.database import open_database
from contracts.errors import RefusedError, TipoffError, UsageError
from contracts.home import Home
from contracts.settings import load_settings
from contracts.tables import player_games
from registry.versions import get_version
from training.backtest import backtest
from training.backtest_steps import BacktestRequest
from training.looks import looks_at
from training.train import TrainRequest, TrainResult, train
from training.unseen_run import EvaluateRequest, EvaluateResult, evaluate_model

pytestmark = pytest.mark.usefixtures("few_trees", "conf_in_force")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, league: Any) -> Home:
    """A home of this file's own with the small league: its looks are counted."""
    root = tmp_path_factory.mktemp("unseen")
    shutil.copy(league.built, root / "tipoff.db")
    return Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")


@pytest.fixture(scope="module")
def engine(home: Home) -> Iterator[sa.Engine]:
    made = open_database(home.database_url)
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def trained(engine: sa.Engine, home: Home, few_trees: Path) -> TrainResult:
    return train(engine, home, load_settings(), TrainRequest("xgboost", "v2_33features", "played"))


@pytest.fixture(scope="module")
def seen(engine: sa.Engine, home: Home, trained: TrainResult) -> EvaluateResult:
    return evaluate_model(engine, home, load_settings(), EvaluateRequest(version=trained.model_version))


def judge(engine: sa.Engine, home: Home, **request: Any) -> EvaluateResult:
    return evaluate_model(engine, home, load_settings(), EvaluateRequest(**request))


def test_on_all_that_it_has_not_seen_its_figures_are_those_of_its_validation(
    seen: EvaluateResult, trained: TrainResult
) -> None:
    """To the last bit: the same rows, the same model, the same averages."""
    said, validated = seen.to_json(), trained.to_json()
    for part in ("metrics", "line", "tiers", "chances", "n_unpredicted", "baselines"):
        assert said[part] == validated[part]
    assert (said["date_from"], said["date_to"]) == (validated["val_from"], validated["val_to"])
    assert said["left_out"] > 300


def test_a_run_that_registered_nothing_can_be_evaluated_too(
    engine: sa.Engine, home: Home, seen: EvaluateResult
) -> None:
    request = TrainRequest("xgboost", "v2_33features", "played", register=False)
    made = train(engine, home, load_settings(), request)
    said = judge(engine, home, run_id=made.run_id).to_json()
    assert said["model_version"] is None
    assert said["metrics"] == seen.to_json()["metrics"]


def test_the_run_says_whom_it_judged_on_which_rows(seen: EvaluateResult, trained: TrainResult, home: Home) -> None:
    run = MlflowClient(home.tracking_uri).get_run(seen.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == f"evaluation of version {trained.model_version} (xgboost), {seen.held.span}"
    tags = run.data.tags
    assert (tags["kind"], tags["evaluated_run"]) == ("evaluation", trained.run_id)
    assert tags["model_sha256"] == trained.model_sha256
    assert tags["dataset_sha256"] == seen.held.dataset.sha256
    assert run.data.metrics["test_mae_played"] == trained.to_json()["metrics"]["played"]["mae"]
    assert run.data.metrics["baseline_season_average_mae_played"] > 0
    assert [one.model_id for one in run.inputs.model_inputs]
    plots = {Path(entry.path).name for entry in MlflowClient(home.tracking_uri).list_artifacts(seen.run_id, "plots")}
    assert {"residuals_by_prediction.png", "interval_calibration.png", "mae_by_month.png"} <= plots


@pytest.mark.parametrize("end", ["date_from", "date_to"])
def test_dates_that_it_learned_from_are_refused_and_the_first_allowed_is_named(
    engine: sa.Engine, home: Home, trained: TrainResult, end: str
) -> None:
    learned = get_version(engine, trained.model_version).train_to
    with pytest.raises(RefusedError, match=f"from {learned + timedelta(days=1)} on"):
        judge(engine, home, version=trained.model_version, **{end: learned})


@pytest.mark.slow
def test_what_learns_nothing_is_not_judged_where_its_spread_was_learned(engine: sa.Engine, home: Home) -> None:
    made = train(engine, home, load_settings(), TrainRequest("season_average", "v2_33features", "played"))
    with pytest.raises(RefusedError, match="spread of its errors"):
        judge(engine, home, version=made.model_version, date_from=made.val_from - timedelta(days=1))
    said = judge(engine, home, version=made.model_version).to_json()
    assert said["metrics"] == made.to_json()["metrics"]


def test_every_look_at_a_season_is_counted_and_none_is_compared_with_other_dates(
    engine: sa.Engine, home: Home, trained: TrainResult
) -> None:
    before = len(looks_at(engine, 2022))
    asked = judge(engine, home, version=trained.model_version, date_from=trained.val_from + timedelta(days=3))
    assert asked.looks == {"2022-23": before + 1}
    assert len(looks_at(engine, 2022)) == before + 1


@pytest.mark.slow
def test_a_backtest_of_the_whole_season_is_not_held_against_a_part_of_it(
    make_league: Callable[..., Path], tmp_path: Path
) -> None:
    root = tmp_path / "two"
    made = open_database(f"sqlite:///{make_league(root, n_seasons=2)}")
    own = Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")
    version = train(
        made, own, load_settings(), TrainRequest("last_10_average", "v2_33features", "played")
    ).model_version
    evaluate_model(made, own, load_settings(), EvaluateRequest(version=version))
    walked = backtest(made, own, load_settings(), BacktestRequest("last_10_average", "v2_33features", "played", 2023))
    made.dispose()
    assert walked.looks == 2
    assert walked.best_before is None


def test_one_population_alone_is_told_where_it_is_asked_for(
    engine: sa.Engine, home: Home, trained: TrainResult, seen: EvaluateResult
) -> None:
    said = judge(engine, home, version=trained.model_version, population="rotation").to_json()
    assert list(said["metrics"]) == ["rotation"]
    assert said["metrics"]["rotation"] == seen.to_json()["metrics"]["rotation"]
    assert (said["tiers"], said["line"]) == ({}, {})
    lined = judge(engine, home, version=trained.model_version, population="lined").to_json()
    assert lined["line"] == seen.to_json()["line"]


@pytest.mark.parametrize(
    ("request_", "kind", "said"),
    [
        ({"version": 99}, UsageError, "no version 99"),
        ({"run_id": "nonsense"}, UsageError, "no run 'nonsense'"),
        ({"run_id": "0" * 32}, UsageError, "no run '000"),
        ({"version": 1, "population": "stars"}, UsageError, "no row of population 'stars'"),
        ({"version": 1, "date_from": date(2099, 1, 1)}, UsageError, "No row from 2099-01-01 on .* end with"),
        ({"version": 1, "date_from": date(2099, 4, 9), "date_to": date(2099, 4, 1)}, UsageError, "is after --to"),
    ],
)
def test_what_cannot_be_judged_starts_no_run_and_is_no_look(
    engine: sa.Engine,
    home: Home,
    seen: EvaluateResult,
    request_: dict[str, Any],
    kind: type[TipoffError],
    said: str,
) -> None:
    client = MlflowClient(home.tracking_uri)
    experiment = client.get_experiment_by_name("tipoff").experiment_id
    before = len(client.search_runs([experiment])), len(looks_at(engine, 2022))
    with pytest.raises(kind, match=said):
        judge(engine, home, **request_)
    assert (len(client.search_runs([experiment])), len(looks_at(engine, 2022))) == before


def test_a_run_without_a_model_is_no_model(engine: sa.Engine, home: Home, seen: EvaluateResult) -> None:
    with pytest.raises(UsageError, match="has no model"):
        judge(engine, home, run_id=seen.run_id)


def test_a_model_whose_files_were_changed_is_not_asked(
    engine: sa.Engine, home: Home, trained: TrainResult, tmp_path: Path
) -> None:
    made = train(engine, home, load_settings(), TrainRequest("xgboost", "v2_33features", "played", register=False))
    run = MlflowClient(home.tracking_uri).get_run(made.run_id)
    model = MlflowClient(home.tracking_uri).get_logged_model(run.outputs.model_outputs[0].model_id)
    folder = Path(model.artifact_location.removeprefix("file://"))
    with next(folder.rglob("model.ubj")).open("ab") as file:
        file.write(b"x")
    with pytest.raises(RefusedError, match="SHA-256"):
        judge(engine, home, run_id=made.run_id)


def test_stale_rows_are_refused(engine: sa.Engine, home: Home, trained: TrainResult, tmp_path: Path) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(home.root / "tipoff.db", tmp_path / "own.db")
    own = open_database(f"sqlite:///{tmp_path / 'own.db'}")
    with own.begin() as connection:
        connection.execute(sa.update(player_games).values(assists=player_games.c.assists + 1))
    with pytest.raises(RefusedError, match="stale"):
        evaluate_model(own, replace(home), load_settings(), EvaluateRequest(version=trained.model_version))
    own.dispose()
