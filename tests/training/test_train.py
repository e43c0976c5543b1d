"""One training on a small league: what it says, what it keeps, and what it leaves behind when it fails."""

from __future__ import annotations

import io
import json
import pickle
import pickletools
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sqlalchemy as sa
from mlflow.tracking import MlflowClient

from contracts.errors import UsageError
from contracts.feature_set import FeatureSet
from contracts.model_metadata import folder_sha256
from contracts.settings import TrainingSettings
from contracts.tables import model_versions
from features.feature_sets import load_feature_set
from registry.artifacts import fetch_artifacts
from registry.versions import get_version, newest_version
from systems.catalog import create_system
from systems.model import Model, load_model, save_model
from training.dataset import load_dataset, make_dataset
from training.steps import describe_model, fit, learn_spread, predict_validation, settle, validate
from training.train import TrainRequest, TrainResult, train

pytestmark = pytest.mark.usefixtures("few_trees", "conf_in_force")
REQUEST = TrainRequest(system="xgboost", feature_set="v2_33features", population="played")


@pytest.fixture(scope="module")
def steps() -> list[str]:
    return []


@pytest.fixture(scope="module")
def result(league: Any, steps: list[str], few_trees: Path) -> TrainResult:
    return train(league.engine, league.home, league.settings, REQUEST, steps.append)


@pytest.fixture(scope="module")
def client(league: Any) -> MlflowClient:
    return MlflowClient(league.home.tracking_uri)


@pytest.fixture(scope="module")
def model_folder(league: Any, result: TrainResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    uri = get_version(league.engine, result.model_version).artifact_uri
    return fetch_artifacts(league.home, uri, tmp_path_factory.mktemp("fetched") / "model")


def test_the_figures_are_those_of_an_honest_model(result: TrainResult) -> None:
    """Near the season average, on the same rows: far below it would have seen the game."""
    mae, baseline = (result.to_json()[key] for key in ("metrics", "baselines"))
    system, season = mae["played"], baseline["season_average"]["played"]
    assert system["n"] == season["n"] > 300
    assert 0.8 * season["mae"] < system["mae"] < 1.1 * season["mae"]
    assert system["ci95"][0] < system["mae"] < system["ci95"][1]


def test_the_answer_is_plain_json_with_every_figures_population(result: TrainResult) -> None:
    answer = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert {"run_id", "model_version", "metrics", "baselines"} <= set(answer)
    assert list(answer["baselines"]) == ["season_average", "last_10_average"]
    for row in answer["metrics"].values():
        assert {"n", "date_from", "date_to", "mae", "ci95", "mean_error", "share_above"} <= set(row)


def test_progress_is_told_step_by_step(result: TrainResult, steps: list[str]) -> None:
    assert steps[0] == "reading the feature table"
    assert steps[-1] == "registering the version"


def test_the_run_says_what_it_was(result: TrainResult, client: MlflowClient, league: Any) -> None:
    run = client.get_run(result.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == f"xgboost on v2_33features, validated {result.val_from}..{result.val_to}"
    played = result.to_json()["metrics"]["played"]
    assert run.data.metrics["val_mae_played"] == played["mae"]
    assert run.data.metrics["val_n_played"] == played["n"]
    assert run.data.metrics["val_n_unpredicted_played"] == 0
    assert "baseline_season_average_mae_rotation" in run.data.metrics
    assert run.data.params["max_depth"]
    assert run.data.tags["library.xgboost-cpu"] == "3.2.0"
    assert run.data.tags["feature_set_hash"] == load_feature_set("v2_33features").hash
    assert len(run.data.tags["dataset_sha256"]) == 64
    assert "| played |" in run.data.tags["mlflow.note.content"]
    assert run.data.tags["system"] == "xgboost"
    assert int(run.data.tags["host_cores"]) > 0


def test_the_run_keeps_every_figure_with_its_rows_and_interval_in_one_table(
    result: TrainResult, client: MlflowClient, tmp_path: Path
) -> None:
    path = client.download_artifacts(result.run_id, "figures.json", str(tmp_path))
    said = json.loads(Path(path).read_text())
    rows = [dict(zip(said["columns"], row, strict=True)) for row in said["data"]]
    assert {row["who"] for row in rows} == {"xgboost", "season_average", "last_10_average", "the books"}
    for row in rows:
        assert row["n"] > 0
        assert row["ci95_low"] <= row["value"] <= row["ci95_high"]
        assert str(result.val_from) <= row["from"] <= row["to"] <= str(result.val_to)
    [played] = [row for row in rows if (row["who"], row["population"], row["figure"]) == ("xgboost", "played", "mae")]
    assert played["value"] == result.to_json()["metrics"]["played"]["mae"]


def test_the_run_names_its_rows_by_the_hash_over_all_of_them(
    result: TrainResult, client: MlflowClient, league: Any
) -> None:
    dataset = load_dataset(league.engine, load_feature_set("v2_33features"), league.settings, population="played")
    logged = client.get_run(result.run_id).inputs.dataset_inputs[0].dataset
    assert dataset.sha256.startswith(logged.digest)
    assert json.loads(logged.source)["tags"]["sha256"] == dataset.sha256
    assert json.loads(logged.profile)["num_rows"] == dataset.frame.height


def test_the_figures_are_the_logged_models_too(result: TrainResult, client: MlflowClient) -> None:
    """MLflow's page of a model shows them, with the run that they are from."""
    run = client.get_run(result.run_id)
    model = client.get_logged_model(run.outputs.model_outputs[0].model_id)
    kept = {one.key: one.value for one in model.metrics or []}
    of_run = {
        name: value for name, value in run.data.metrics.items() if name.startswith(("val_", "baseline_", "line_"))
    }
    assert of_run.items() <= kept.items()
    assert "val_mae_played" in of_run
    assert {one.run_id for one in model.metrics or []} == {result.run_id}
    assert model.params["features"] == run.data.params["features"]


def test_the_plots_are_kept(result: TrainResult, client: MlflowClient) -> None:
    plots = {Path(entry.path).name: entry.file_size for entry in client.list_artifacts(result.run_id, "plots")}
    assert set(plots) == {
        "importance.png",
        "residuals_by_prediction.png",
        "shap_summary.png",
        "interval_calibration.png",
        "mae_by_month.png",
        "mae_by_tier.png",
        "over_calibration.png",
    }
    assert min(plots.values()) > 10_000


def test_what_goes_beyond_the_point_is_said_with_the_run_and_kept_with_the_model(
    result: TrainResult, client: MlflowClient, model_folder: Path
) -> None:
    said = result.to_json()
    played = said["metrics"]["played"]
    assert 0 < played["crps"] < said["baselines"]["last_10_average"]["played"]["crps"] < played["mae"] * 1.5
    assert sum(tier["n"] for tier in said["tiers"].values()) == played["n"]
    mine, prices = said["chances"]["system"]["priced"], said["chances"]["line"]["priced"]
    assert 0 < mine["n"] == prices["n"] <= said["metrics"]["lined"]["n"]
    assert 0.2 < prices["brier"] < 0.3
    metrics = client.get_run(result.run_id).data.metrics
    assert metrics["val_crps_played"] == played["crps"]
    assert metrics["val_interval_80_coverage_ci_low_played"] < played["interval_80_coverage"]
    assert metrics["line_brier_priced"] == prices["brier"]
    assert metrics["val_n_priced"] == mine["n"]
    kept = load_model(model_folder).metadata.results
    assert kept["tiers"] == said["tiers"]
    assert kept["chances"] == said["chances"]


def test_the_registered_folder_is_the_one_that_was_trained(
    result: TrainResult, model_folder: Path, league: Any
) -> None:
    version = get_version(league.engine, result.model_version)
    assert folder_sha256(model_folder) == version.sha256 == result.model_sha256
    model = load_model(model_folder, version.sha256)
    metadata = model.metadata
    assert {path.name for path in model_folder.iterdir()} == {"model.ubj", "metadata.json"}
    assert len(metadata.golden_rows) == 20
    assert version.train_to == date.fromisoformat(metadata.tune_to) < result.val_from
    assert metadata.train_to < metadata.tune_from
    assert re.fullmatch(r"xgboost_v2_33features_20\d{6}_\d{6}", metadata.model_id)
    assert metadata.date_range == {
        "learned": (metadata.train_from, metadata.tune_to),
        "validated": (str(result.val_from), str(result.val_to)),
    }
    assert metadata.sha256 == folder_sha256(model_folder, but="metadata.json")
    assert set(metadata.features) | set(metadata.absent_features) == set(load_feature_set("v2_33features").names)
    assert metadata.results["metrics"] == result.to_json()["metrics"]


def test_the_gap_is_validation_less_the_rows_that_were_fitted_on(
    result: TrainResult, client: MlflowClient, model_folder: Path, league: Any
) -> None:
    model = load_model(model_folder)
    dataset = load_dataset(league.engine, load_feature_set("v2_33features"), league.settings, population="played")
    fitted = dataset.in_population & (dataset.dates <= np.datetime64(model.metadata.train_to))
    rows = dataset.rows(model.metadata.features, fitted)
    inside = np.abs(model.system.predict(rows.matrix) - rows.target).mean()
    gap = client.get_run(result.run_id).data.metrics["train_validation_gap_mae"]
    assert gap == pytest.approx(result.to_json()["metrics"]["played"]["mae"] - inside)
    assert gap == model.metadata.results["train_validation_gap"]


def test_the_mlflow_model_gives_the_same_bits_as_our_own(
    result: TrainResult, client: MlflowClient, model_folder: Path, league: Any
) -> None:
    model = load_model(model_folder)
    rows = [row.features for row in model.metadata.golden_rows]
    mlflow.set_tracking_uri(league.home.tracking_uri)
    output = client.get_run(result.run_id).outputs.model_outputs[0]
    loaded = mlflow.pyfunc.load_model(f"models:/{output.model_id}")
    frame = pd.DataFrame(rows, columns=model.metadata.features, dtype="float64")
    answered = loaded.predict(frame)
    np.testing.assert_array_equal(answered["predicted"], [row.predicted for row in model.metadata.golden_rows])
    assert (answered["low"] <= answered["high"]).all()
    assert all(kind.type.name == "double" for kind in loaded.metadata.signature.inputs)


def test_no_artifact_of_a_run_or_a_model_is_a_pickle(model_folder: Path, league: Any) -> None:
    """By content, whatever the name says: a file, or a member of an archive."""
    files = [path for path in league.home.artifacts.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files if holds_a_pickle(path.read_bytes())]


def holds_a_pickle(content: bytes) -> bool:
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(holds_a_pickle(archive.read(name)) for name in archive.namelist())
    try:
        return len(list(pickletools.genops(content))) > 0  # read to its end without a fault
    except (ValueError, IndexError, KeyError, OverflowError):
        return False


def test_a_pickle_would_be_seen(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model", "w") as archive:
        archive.writestr("weights", pickle.dumps(Path("x")))
    assert holds_a_pickle((tmp_path / "model").read_bytes())
    assert holds_a_pickle(pickle.dumps(Path("x"), protocol=0))
    assert not holds_a_pickle(b"{}")


def test_the_same_training_again_gives_the_same_model(result: TrainResult, model_folder: Path, league: Any) -> None:
    again = train(league.engine, league.home, league.settings, replace(REQUEST, register=False))
    assert again.model_version is None
    assert again.to_json()["metrics"] == result.to_json()["metrics"]


def test_an_average_is_registered_as_having_learned_nothing(league: Any) -> None:
    request = TrainRequest(system="season_average", feature_set="v2_33features", population="played")
    made = train(league.engine, league.home, league.settings, request)
    version = get_version(league.engine, made.model_version)
    assert (version.train_from, version.train_to) == (None, None)
    assert made.absent_features == []
    figures = made.to_json()
    assert figures["metrics"]["played"]["mae"] == figures["baselines"]["season_average"]["played"]["mae"]


def test_what_fails_before_it_is_registered_leaves_a_failed_run_and_no_version(
    league: Any, result: TrainResult, client: MlflowClient, copied: Callable[[], sa.Engine]
) -> None:
    """Our tables already hold the number that MLflow gives next, as if two stores had been used in turn."""
    engine = copied()
    newest = newest_version(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(model_versions).values(**(vars(newest) | {"version": newest.version + 1})))
    with pytest.raises(UsageError, match="another store"):
        train(engine, league.home, league.settings, replace(REQUEST, system="last_10_average"))
    run = client.search_runs([client.get_experiment_by_name("tipoff").experiment_id], max_results=1)[0]
    assert run.info.run_name.startswith("last_10_average")
    assert run.info.status == "FAILED"
    assert newest_version(engine).run_id != run.info.run_id


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"system": "xgbost"}, "'xgbost' is not a system"),
        ({"feature_set": "v3"}, "'v3' is not a feature set"),
        ({"population": "stars"}, "'stars' is not a population"),
        ({"val_from": date(1999, 1, 1)}, "dates are left to train on"),
    ],
)
def test_a_request_that_cannot_be_starts_no_run(
    league: Any, result: TrainResult, client: MlflowClient, change: dict[str, Any], said: str
) -> None:
    experiment = client.get_experiment_by_name("tipoff").experiment_id
    before = len(client.search_runs([experiment]))
    with pytest.raises(UsageError, match=said):
        train(league.engine, league.home, league.settings, replace(REQUEST, **change))
    assert len(client.search_runs([experiment])) == before


def test_rebounds_are_a_target_like_any_other(
    feature_rows: Callable[..., pl.DataFrame], set_of: Callable[[str], FeatureSet], tmp_path: Path
) -> None:
    feature_set = set_of("rebounds")
    dataset = make_dataset(feature_rows("rebounds"), feature_set, target="rebounds", population="played", build_id=1)
    prepared = settle(dataset, create_system("xgboost"), TrainingSettings(target="rebounds"), {})
    fit(prepared)
    residuals = learn_spread(prepared)
    predicted = predict_validation(prepared)
    evaluation = validate(prepared, residuals, predicted)
    metadata = describe_model(prepared, evaluation, residuals, predicted)
    assert metadata.target == "rebounds"
    assert metadata.absent_features == ["never_known"]
    mae = evaluation.metric("mae", "played")
    naive = next(
        one for one in evaluation.baselines["season_average"] if one.name == "mae" and one.population == "played"
    )
    assert mae.value < naive.value + 0.3
    assert not evaluation.line
    model = load_model(tmp_path / "m", save_model(Model(prepared.system, metadata), tmp_path / "m"))
    assert model.metadata.target == "rebounds"


def modules() -> Iterator[Path]:
    import training

    yield from Path(str(training.__file__)).parent.glob("*.py")


@pytest.mark.parametrize("module", sorted(modules()), ids=lambda path: path.name)
def test_no_code_of_training_names_a_target(module: Path) -> None:
    code = module.read_text()
    assert not [word for word in ('"points"', "'points'", "points_", "rebounds") if word in code]


def test_every_row_is_in_the_block_that_its_date_says(league: Any) -> None:
    dataset = load_dataset(league.engine, load_feature_set("v2_33features"), league.settings, population="played")
    prepared = settle(dataset, create_system("xgboost"), league.settings.training, {})
    split = prepared.split
    learned = prepared.block(split.train, split.tune)
    assert dataset.dates[learned].max() < dataset.dates[prepared.validation].min()
    assert not (learned & prepared.validation).any()


def test_a_block_without_a_row_of_the_population_is_wrong_usage(
    feature_rows: Callable[..., pl.DataFrame], feature_set: FeatureSet
) -> None:
    """The first five dates hold early rows alone."""
    dataset = make_dataset(feature_rows(), feature_set, target="points", population="early", build_id=1)
    with pytest.raises(UsageError, match=r"'early' lies in tune .*, validation"):
        settle(dataset, create_system("season_average"), TrainingSettings(), {})


def test_validation_reports_on_every_row_of_its_dates(
    feature_rows: Callable[..., pl.DataFrame], feature_set: FeatureSet
) -> None:
    """Also on the first dates of a season, when nobody is in the population yet."""
    frame = feature_rows().with_columns(n_active_games_season=pl.col("n_active_games_season") % 50)
    dataset = make_dataset(frame, feature_set, target="points", population="played", build_id=1)
    spans = {"val_from": date(2023, 12, 21)}
    prepared = settle(dataset, create_system("season_average"), TrainingSettings(), spans)
    assert prepared.split.validation.first == date(2023, 12, 21)
    fit(prepared)
    made = validate(prepared, learn_spread(prepared), predict_validation(prepared))
    n_early = frame.filter(pl.col("game_date") >= spans["val_from"], pl.col("n_active_games_season") < 5).filter(
        pl.col("state") == "played"
    )
    assert made.metric("mae", "early").n == n_early.height > 0
