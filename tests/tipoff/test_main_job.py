"""The main job, end to end: every step a process, as a user starts it; nothing of ours is called."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

pytestmark = pytest.mark.slow  # twenty processes, one after the other

LEAGUE = ("--seasons", "2", "--teams", "6", "--games", "60", "--seed", "7")
"""Validation has 1,400 rows on 52 dates: with fewer, a sound median fails the gate's limits on bias by chance."""

BUILDERS = {
    "team_defense_zone_analysis",
    "player_shot_zone_analysis",
    "player_daily_cache",
    "player_composite_factors",
    "ml_feature_store",
}
ANSWER_KEYS = {
    "predicted_points",
    "interval",
    "over_probability",
    "model_version",
    "model_sha256",
    "feature_set",
    "build_id",
    "missing",
    "error",
}
LIVE_SECONDS = 5.0


@dataclass
class Job:
    """What every step of the job said, in the order of the steps."""

    ingested: dict[str, Any]
    ingested_again: dict[str, Any]
    backfilled: dict[str, Any]
    backfilled_again: dict[str, Any]
    unknown_season: Any
    status: dict[str, Any]
    exported: dict[str, Any]
    rows: pl.DataFrame
    project: Any
    promoted: dict[str, Any]
    baseline: dict[str, Any]
    refused: Any
    ready: httpx.Response
    model: dict[str, Any]
    by_ids: list[dict[str, Any]]
    by_features: list[dict[str, Any]]
    batch: dict[str, Any]
    no_games: httpx.Response
    rolled_back: dict[str, Any]
    during: list[tuple[float, httpx.Response]]
    batch_after: dict[str, Any]
    predicted: dict[str, Any]
    no_games_predicted: Any
    graded: dict[str, Any]
    versions: list[dict[str, Any]]
    history: dict[str, Any]

    @property
    def slate(self) -> pl.DataFrame:
        """The exported rows of the last date."""
        return self.rows.filter(pl.col("game_date") == self.rows["game_date"].max())

    @property
    def features(self) -> list[str]:
        """The features by name, in the order of the export."""
        return self.rows.columns[6:-2]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, shell_at: Callable[..., Any]) -> Job:
    """The whole job, done once."""
    shell = shell_at(tmp_path_factory.mktemp("main-job") / "home")
    told: dict[str, Any] = {}
    build(shell, told)
    train_and_promote(shell, told)
    serve_and_roll_back(shell, told)
    told["graded"] = shell.done("grade")
    told["versions"] = shell.done("registry", "list")["versions"]
    told["history"] = shell.done("registry", "history", "--verify")
    return Job(**told)


def build(shell: Any, told: dict[str, Any]) -> None:
    """Facts in, features out."""
    out = shell.home.parent / "features.parquet"
    told["ingested"] = shell.done("ingest", "simulated", *LEAGUE)
    told["backfilled"] = shell.done("features", "backfill")
    told["ingested_again"] = shell.done("ingest", "simulated", *LEAGUE)
    told["backfilled_again"] = shell.done("features", "backfill")
    told["unknown_season"] = shell.tipoff("features", "backfill", "--seasons", "2031-32")
    told["status"] = shell.done("features", "status")
    told["exported"] = shell.done("features", "export", "--feature-set", "v2_33features", "--out", str(out))
    told["rows"] = pl.read_parquet(out)


def train_and_promote(shell: Any, told: dict[str, Any]) -> None:
    """XGBoost by `mlflow run` becomes the champion; then an average asks for its place."""
    command = ("run", ".", "-e", "train", "--env-manager", "local", "-P", "system=xgboost")
    told["project"] = shell.run(sys.executable, "-m", "mlflow", *command)
    assert told["project"].code == 0, told["project"].err
    told["promoted"] = shell.done("promote")
    told["baseline"] = shell.done("train", "--system", "last_10_average")
    told["refused"] = shell.tipoff("promote", "--json")


def serve_and_roll_back(shell: Any, told: dict[str, Any]) -> None:
    """The service answers over HTTP, and goes on answering while the version before comes back."""
    slate = told["rows"].filter(pl.col("game_date") == told["rows"]["game_date"].max())
    day = slate["game_date"][0].isoformat()
    ids = [{"player_id": player, "game_id": game} for player, game in slate.select("player_id", "game_id").rows()]
    features = [{"features": row} for row in slate.select(told["rows"].columns[6:-2]).to_dicts()]
    with shell.serving() as client:
        told["ready"] = client.get("/readyz")
        told["model"] = client.get("/model").json()
        told["by_ids"] = client.post("/predict", json={"rows": ids}).json()["predictions"]
        told["by_features"] = client.post("/predict", json={"rows": features}).json()["predictions"]
        told["batch"] = client.post("/predict-batch", json={"game_date": day}).json()
        told["no_games"] = client.post("/predict-batch", json={"game_date": "2021-07-04"})
        told["rolled_back"], told["during"] = roll_back(shell, client, ids[:1])
        told["batch_after"] = client.post("/predict-batch", json={"game_date": day}).json()
    told["predicted"] = shell.done("predict", "--game-date", day)
    told["no_games_predicted"] = shell.tipoff("predict", "--game-date", "2021-07-04", "--json")


def roll_back(shell: Any, client: httpx.Client, rows: list[Any]) -> tuple[Any, list[tuple[float, httpx.Response]]]:
    """`tipoff rollback`, while somebody asks all the time; what the asker heard, each answer with its time."""
    heard: list[tuple[float, httpx.Response]] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.wait(0.1):
            heard.append((time.time(), client.post("/predict", json={"rows": rows})))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        said = shell.done("rollback", "--reason", "the new one misses its first night")
        stop.wait(LIVE_SECONDS)
    finally:
        stop.set()
        asking.join()
    return said, heard


# ---------------------------------------------------------------- facts and features
def test_ingest_counts_what_it_took(job: Job) -> None:
    assert {"games", "player_games", "lines"} <= job.ingested.keys()
    assert job.ingested["games"] > 300
    assert job.ingested["player_games"] > 15 * job.ingested["games"]
    assert job.ingested["rejected"] == 0


def test_ingesting_the_same_again_changes_nothing(job: Job) -> None:
    assert job.ingested_again == job.ingested
    assert (job.backfilled_again["rows"], job.backfilled_again["dates"]) == (0, 0)
    assert job.backfilled_again["skipped"] == job.backfilled["dates"]


def test_a_backfill_builds_every_expected_date(job: Job) -> None:
    assert {"build_id", "rows", "dates", "skipped", "seconds"} <= job.backfilled.keys()
    assert job.backfilled["dates"] == job.rows["game_date"].n_unique()
    assert job.backfilled["rows"] == job.rows.height > job.ingested["player_games"]


def test_a_season_that_was_never_ingested_is_wrong_usage_that_names_the_known_ones(job: Job) -> None:
    assert job.unknown_season.code == 2
    for word in ("2031-32", "2022-23, 2023-24"):
        assert word in job.unknown_season.err
    assert "Traceback" not in job.unknown_season.err


def test_status_is_complete_for_five_builders_and_two_seasons(job: Job) -> None:
    assert job.status["complete"] is True
    told = {(row["builder"], row["season"]) for row in job.status["builders"]}
    assert told == {(builder, season) for builder in BUILDERS for season in ("2022-23", "2023-24")}
    for row in job.status["builders"]:
        assert row["expected"] == row["done"] > 0
        assert (row["missing"], row["stale"]) == (0, 0)
    assert {one["name"] for one in job.status["feature_sets"] if one["built"]} == {"v2_33features"}


def test_the_export_has_the_documented_columns(job: Job) -> None:
    names = job.rows.columns
    assert names[:6] == ["game_id", "player_id", "game_date", "season", "team_id", "state"]
    assert names[-2:] == ["minutes", "points"]
    assert len(job.features) == 33
    kinds = job.rows.schema
    assert (kinds["game_id"], kinds["game_date"], kinds["player_id"].is_integer()) == (pl.String, pl.Date, True)
    assert job.rows["game_id"].str.len_chars().unique().to_list() == [10]
    assert job.exported["rows"] == job.rows.height
    assert len(job.exported["feature_set_hash"]) == 64


def test_what_is_missing_in_the_export_is_null_and_never_nan(job: Job) -> None:
    floats = job.rows.select(pl.col(pl.Float64))
    assert floats.select(pl.all().is_nan().any()).row(0) == (False,) * floats.width
    assert sum(floats.null_count().row(0)) > 0


def test_the_export_holds_every_player_game_and_who_did_not_play_has_no_points(job: Job) -> None:
    states = dict(job.rows["state"].value_counts().rows())
    assert states["played"] + states.get("under_30_seconds", 0) == job.ingested["player_games"]
    assert states["absent"] > 0
    unplayed = job.rows.filter(pl.col("state") != "played")
    assert unplayed["points"].null_count() == unplayed.height
    assert job.rows.filter(pl.col("state") == "played")["points"].null_count() == 0


# ---------------------------------------------------------------- training and promotion
def test_the_first_backfill_brings_the_named_way_back_to_production(job: Job) -> None:
    first = job.versions[0]
    assert (first["version"], first["system"]) == (1, "season_average")
    moves = [(each["action"], each["to_stage"]) for each in job.history["history"][:3]]
    assert moves == [("register", "None"), ("promote", "Staging"), ("promote", "Production")]


def test_mlflow_run_trains_and_shows_the_figures_beside_the_baselines(job: Job) -> None:
    assert "succeeded" in job.project.err
    for word in ("xgboost", "season_average", "last_10_average", "played", "rotation", "version 2"):
        assert word in job.project.err


def test_the_gate_promotes_the_better_model_and_says_why(job: Job) -> None:
    assert {"promoted", "verdict", "champion", "challenger"} <= job.promoted.keys()
    assert job.promoted["promoted"] is True
    assert (job.promoted["champion"], job.promoted["challenger"]) == (1, 2)
    verdict = job.promoted["verdict"]
    assert verdict["passed"] is True
    assert job.promoted["proof"]["outcome"] == "no_service", "nothing served yet, and it says so"
    for test in verdict["tests"]:
        assert {"name", "passed", "detail"} <= test.keys()
        assert test["passed"] is True, test
    assert {"better_than_champion", "enough_rows", "bias", "not_too_good"} <= {one["name"] for one in verdict["tests"]}


def test_training_gives_figures_with_population_and_n(job: Job) -> None:
    assert {"run_id", "model_version", "metrics", "baselines"} <= job.baseline.keys()
    played = job.baseline["metrics"]["played"]
    assert played["n"] >= 1000
    as_baseline = job.baseline["baselines"]["last_10_average"]["played"]
    assert as_baseline.items() <= played.items(), "the same rows, the same figures"
    assert {"n", "mae", "ci95", "date_from", "date_to"} <= as_baseline.keys()
    assert job.baseline["baselines"]["season_average"]["played"]["n"] == played["n"]


def test_a_worse_version_is_refused_with_exit_code_3_and_its_reasons(job: Job) -> None:
    assert job.refused.code == 3
    said = job.refused.json
    assert (said["promoted"], said["champion"], said["challenger"]) == (False, 2, 3)
    failed = {test["name"] for test in said["verdict"]["tests"] if not test["passed"]}
    assert "better_than_champion" in failed
    assert "Traceback" not in job.refused.err


def test_a_refusal_is_kept_with_its_verdict(job: Job) -> None:
    refusals = [each for each in job.history["history"] if each["action"] == "refuse"]
    assert [each["version"] for each in refusals] == [3]
    assert refusals[0]["verdict"] == job.refused.json["verdict"]


# ---------------------------------------------------------------- service
def test_the_service_is_ready_with_the_promoted_version(job: Job) -> None:
    assert job.ready.status_code == 200
    assert job.ready.json()["model_version"] == 2
    assert {"version", "stage", "sha256", "train_from", "train_to", "metrics"} <= job.model.keys()
    assert (job.model["version"], job.model["stage"]) == (2, "Production")
    assert job.model["sha256"] == job.versions[1]["sha256"]


def test_every_answer_says_who_gave_it_on_what(job: Job) -> None:
    for answer in job.by_ids:
        assert answer.keys() >= ANSWER_KEYS
        assert answer["error"] is None
        assert (answer["model_version"], answer["model_sha256"]) == (2, job.model["sha256"])
        assert (answer["feature_set"], answer["build_id"]) == ("v2_33features", job.backfilled["build_id"])
        assert answer["interval"][0] <= answer["predicted_points"] <= answer["interval"][1]
        assert (answer["over_probability"] is None) == (answer["line"] is None)


def test_exported_rows_predict_bit_equal_to_stored_ones(job: Job) -> None:
    same = ("predicted_points", "interval", "missing", "model_sha256")
    assert len(job.by_ids) == len(job.by_features) == job.slate.height
    for by_ids, by_features in zip(job.by_ids, job.by_features, strict=True):
        assert {name: by_ids[name] for name in same} == {name: by_features[name] for name in same}


def test_a_batch_predicts_the_whole_slate(job: Job) -> None:
    assert job.batch["expected"] == job.batch["predicted"] == len(job.batch["predictions"]) > 20
    by_key = {(row["game_id"], row["player_id"]): row["predicted_points"] for row in job.by_ids}
    for row in job.batch["predictions"]:
        assert row["predicted_points"] == by_key[row["game_id"], row["player_id"]]


def test_the_command_line_predicts_through_the_same_predictor(job: Job) -> None:
    assert job.predicted["predictions"] == job.batch_after["predictions"]


def test_a_date_without_games_is_a_404_and_exit_code_1(job: Job) -> None:
    assert job.no_games.status_code == 404
    assert job.no_games.json()["error"]["code"] == "no_games"
    assert "2021-07-04" in job.no_games.json()["error"]["message"]
    assert job.no_games_predicted.code == 1
    assert "2021-07-04" in job.no_games_predicted.err
    assert "Traceback" not in job.no_games_predicted.err


def test_a_rollback_answers_within_five_seconds_without_a_restart_or_a_failed_request(job: Job) -> None:
    assert job.rolled_back["production"] == 1
    proof = job.rolled_back["proof"]
    assert (proof["outcome"], proof["sha256"]) == ("answered", job.versions[0]["sha256"])
    assert proof["seconds"] <= LIVE_SECONDS
    moved = next(each for each in reversed(job.history["history"]) if each["action"] == "rollback")
    assert moved["reason"] == "the new one misses its first night"
    assert {answer.status_code for _, answer in job.during} == {200}
    told = [(at, answer.json()["predictions"][0]["model_version"]) for at, answer in job.during]
    versions = [version for _, version in told]
    assert versions == sorted(versions, reverse=True), "first version 2, then version 1, and never back"
    assert versions[0] == 2
    live_at = next(at for at, version in told if version == 1)
    assert live_at - datetime.fromisoformat(moved["at"]).timestamp() <= LIVE_SECONDS
    assert {row["model_version"] for row in job.batch_after["predictions"]} == {1}


def test_without_production_the_service_starts_and_says_tipoff_promote(shell: Any) -> None:
    with shell.serving() as client:
        told = client.get("/readyz")
        asked = client.post("/predict", json={"rows": [{"features": {}}]})
    for answer in (told, asked):
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "no_production"
        assert "tipoff promote" in answer.json()["error"]["remedy"]


# ---------------------------------------------------------------- afterwards
def test_every_prediction_is_graded_and_none_as_live(job: Job) -> None:
    """They were made after the games: honest history calls them backfill."""
    told = job.graded["by_label"]
    assert {row["label"] for row in told} == {"backfill"}
    n_played = job.slate.filter(pl.col("state") == "played").height
    for system in ("xgboost", "season_average"):
        figures = {row["population"]: row for row in told if row["system"] == system}
        assert sum(figures[name]["n"] for name in ("played", "early") if name in figures) == n_played
        assert figures["played"]["mae"] > 0
        assert figures["played"]["mae_ci95"] is None  # one date alone says nothing of how far dates differ
    assert (job.graded["graded"], job.graded["void"]) == (2 * n_played, 2 * (job.slate.height - n_played))


def test_the_list_says_where_every_version_stands(job: Job) -> None:
    assert {"version", "stage", "system", "metrics", "sha256"} <= job.versions[0].keys()
    told = [(each["version"], each["system"], each["stage"]) for each in job.versions]
    assert told == [
        (1, "season_average", "Production"),
        (2, "xgboost", "Archived"),
        (3, "last_10_average", "None"),
    ]


def test_the_chain_of_the_history_holds(job: Job) -> None:
    assert job.history["verified"] is True
    hashes = [each["hash"] for each in job.history["history"]]
    assert [each["previous_hash"] for each in job.history["history"]][1:] == hashes[:-1]


def test_nothing_was_written_outside_the_home(job: Job, tmp_path_factory: pytest.TempPathFactory) -> None:
    project = Path(__file__).resolve().parents[2]
    for stray in ("mlruns", "mlflow.db", "catboost_info"):
        assert not (project / stray).exists()
