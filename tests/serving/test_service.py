"""The service over real HTTP: started as `tipoff serve` starts it, one worker, one real feature table."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from contracts.tables import predictions
from registry.stages import Stage
from registry.versions import production

TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="module")
def service(open_world: Any, start_service: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Started with nothing in Production; then a season average is promoted."""
    world = open_world(tmp_path_factory.mktemp("service") / "home")
    limits = {"TIPOFF_SERVING__MAX_BODY_BYTES": "50000", "TIPOFF_SERVING__MAX_ROWS": "100"}
    with start_service(world, TIPOFF_API_TOKEN=TOKEN, **limits) as running:
        running.before = {path: running.client.get(path) for path in ("/readyz", "/model")}
        running.before["/predict"] = running.predict([{"features": {}}])
        running.promote("season_average")
        running.wait_for("/readyz", 200, seconds=5)
        yield running
    world.engine.dispose()


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The one shape of every refusal."""
    assert list(answer.json()) == ["error"]
    told: dict[str, Any] = answer.json()["error"]
    assert list(told) == ["code", "message", "field", "remedy"]
    return told


def test_without_production_it_lives_and_says_tipoff_promote(service):
    for path in ("/readyz", "/model", "/predict"):
        answer = service.before[path]
        assert answer.status_code == 503, path
        assert error_of(answer)["code"] == "no_production"
        assert "tipoff promote" in error_of(answer)["remedy"]


def test_ready_names_the_version_that_answers(service):
    told = service.client.get("/readyz").json()
    live = production(service.world.engine)
    assert (told["status"], told["model_version"], told["model_sha256"]) == ("ready", live.version, live.sha256)


def test_the_model_is_described(service):
    live = production(service.world.engine)
    card = service.client.get("/model").json()
    assert (card["version"], card["stage"], card["sha256"]) == (live.version, "Production", live.sha256)
    assert card["accepted_features"] == service.world.feature_set.names
    assert {"train_from", "train_to", "metrics", "feature_set_hash"} <= card.keys()
    assert card["lineage"]["dataset_sha256"] == "0" * 64
    assert card["lineage"]["artifact_uri"] == live.artifact_uri


def test_rows_by_ids_and_the_same_rows_by_features_are_bit_equal(service):
    service.world.register("xgboost")
    slate = service.world.slate()
    ids = [{"player_id": player, "game_id": game} for game, player in slate.select("game_id", "player_id").rows()]
    features = [{"features": values} for values in slate.select(service.world.feature_set.names).to_dicts()]
    by_ids = service.predict(ids, system="xgboost").json()["predictions"]
    by_features = service.predict(features, system="xgboost").json()["predictions"]
    same = (
        "predicted_points",
        "interval",
        "missing",
        "out_of_range",
        "model_version",
        "model_sha256",
        "stage",
        "error",
    )
    assert len(by_ids) == len(by_features) == slate.height > 10
    for first, second in zip(by_ids, by_features, strict=True):
        assert {name: first[name] for name in same} == {name: second[name] for name in same}
    assert {answer["build_id"] for answer in by_ids} == {1}
    assert {answer["build_id"] for answer in by_features} == {None}
    lines = dict(zip(slate.select("game_id", "player_id").rows(), slate["line"].to_list(), strict=True))
    for answer in by_ids:
        assert answer["line"] == lines[answer["game_id"], answer["player_id"]]
        assert (answer["over_probability"] is None) == (answer["line"] is None)


def test_absent_names_are_missing_and_null_is_too(service):
    answer = service.predict([{"features": {"points_avg_season": 12.5, "pace_score": None}}]).json()["predictions"][0]
    assert answer["missing"] == [name for name in service.world.feature_set.names if name != "points_avg_season"]
    assert answer["error"] is None


@pytest.mark.parametrize(
    ("features", "field"),
    [
        ('{"pace_score": NaN}', "rows.0.features.pace_score"),
        ('{"pace_score": Infinity}', "rows.0.features.pace_score"),
        ('{"pace_score": "1.0"}', "rows.0.features.pace_score"),
        ('{"pace_scoer": 1.0}', "rows.0.features.pace_scoer"),
    ],
)
def test_a_wrong_feature_is_a_422_that_names_it(service, features, field):
    answer = service.client.post("/predict", content=f'{{"rows": [{{"features": {features}}}]}}')
    assert answer.status_code == 422
    assert error_of(answer)["field"] == field


def test_row_errors_stand_inside_a_200(service):
    player = service.world.slate()["player_id"][0]
    rows = [{"player_id": 1, "game_id": "0022300001"}, {"player_id": player, "game_id": "0099999999"}, {"features": {}}]
    answer = service.predict(rows)
    assert answer.status_code == 200
    codes = [row["error"]["code"] for row in answer.json()["predictions"]]
    assert codes[:2] == ["unknown_player", "no_features"]
    assert all(row["model_sha256"] for row in answer.json()["predictions"])


def test_the_slate_is_predicted_and_kept(service):
    slate = service.world.slate()
    day = slate["game_date"][0].isoformat()
    told = service.client.post("/predict-batch", json={"game_date": day}).json()
    assert told["expected"] == slate.height == len(told["predictions"])
    made = {(row["game_id"], row["player_id"]) for row in told["predictions"] if row["error"] is None}
    assert told["predicted"] == len(made)
    version = told["predictions"][0]["model_version"]
    query = sa.select(predictions.c.game_id, predictions.c.player_id).where(predictions.c.model_version == version)
    deadline = time.monotonic() + 10
    kept: set[Any] = set()
    while not made <= kept and time.monotonic() < deadline:
        with service.world.engine.connect() as connection:
            kept = {tuple(row) for row in connection.execute(query)}
    assert made <= kept


def test_an_explanation_names_features_with_signs(service):
    row = service.world.slate().row(1, named=True)
    asked = {"row": {"player_id": row["player_id"], "game_id": row["game_id"]}, "system": "season_average"}
    told = service.client.post("/explain", json=asked).json()
    assert told["contributions"] == [
        {
            "feature": "points_avg_season",
            "value": row["points_avg_season"],
            "contribution": row["points_avg_season"],
        }
    ]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/predict", {"rows": [{"features": {}}], "system": "catboost"}, 404, "unknown_system"),
        ("/predict", {"rows": [{"features": {}}], "system": "version:99"}, 404, "unknown_system"),
        ("/predict-batch", {"game_date": "2021-07-04"}, 404, "no_games"),
        ("/predict-batch", {"game_date": "2021-02-30"}, 422, "invalid"),
        ("/predict", {"rows": [{"features": {}}] * 101}, 422, "invalid"),
        ("/predict", {"rows": [{"features": {}}], "feature_set_hash": "0" * 64}, 422, "invalid"),
        ("/explain", {"row": {}}, 422, "invalid"),
        ("/nothing", {}, 404, "not_found"),
        ("/model", {}, 405, "method_not_allowed"),
    ],
)
def test_refusals_have_their_status_and_one_shape(service, path, body, status, code):
    answer = service.client.post(path, json=body)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    assert "Traceback" not in answer.text


def test_a_large_body_is_a_413_with_or_without_a_length(service):
    content = b" " * 60_000
    assert error_of(service.client.post("/predict", content=content))["code"] == "too_large"
    chunked = service.client.post("/predict", content=(content[:1000] for _ in range(60)))
    assert chunked.status_code == 413


@pytest.mark.parametrize("header", [None, "Bearer wrong", TOKEN, "Basic " + TOKEN])
def test_predicting_wants_the_token(service, header):
    headers = {} if header is None else {"Authorization": header}
    for path in ("/predict", "/predict-batch", "/explain"):
        answer = httpx.post(service.client.base_url.join(path), json={}, headers=headers)
        assert (answer.status_code, error_of(answer)["code"]) == (401, "unauthorized")
    for path in ("/livez", "/readyz", "/model", "/metrics", "/docs"):
        assert httpx.get(service.client.base_url.join(path), headers=headers).status_code == 200


def test_every_answer_carries_the_headers_of_a_careful_service(service):
    for path in ("/model", "/docs", "/readyz", "/metrics", "/nothing"):
        headers = service.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_the_docs_come_without_another_host(service):
    page = service.client.get("/docs").text
    assert "http" not in page.replace("<!doctype html>", "")
    for part in ("/docs.js", "/docs.json", "/static_content/swagger-ui-bundle.js", "/static_content/swagger-ui.css"):
        assert service.client.get(part).status_code == 200
    assert "/predict-batch" in service.client.get("/docs.json").json()["paths"]
    assert service.client.get("/").headers["location"] == "/docs"


def test_metrics_count_rows_by_outcome(service):
    service.predict([{"player_id": 1, "game_id": "0022300001"}])
    text = service.client.get("/metrics").text
    assert 'outcome="unknown_player"' in text
    assert 'tipoff_requests_total{endpoint="/predict",status="200"}' in text
    assert "tipoff_service_state{pid=" not in text, "told of the service, not of a worker"
    assert "tipoff_dropped_requests_total 0.0" in text


def test_a_promotion_is_live_within_five_seconds_and_no_request_fails(service):
    row = {"features": {"points_avg_season": 20.0, "points_avg_last_10": 10.0}}
    said: list[httpx.Response] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            said.append(service.predict([row, row]))

    asking = threading.Thread(target=ask)
    asking.start()
    version = service.promote("last_10_average")
    promoted = time.monotonic()
    while service.client.get("/model").json()["version"] != version.version:
        assert time.monotonic() - promoted < 5
    stop.set()
    asking.join()
    assert {answer.status_code for answer in said} == {200}
    for answer in said:
        first, second = answer.json()["predictions"]
        assert first == second, "one answer comes wholly from one version"
        assert first["predicted_points"] == {"season_average": 20.0, "last_10_average": 10.0}[first["system"]]
    after = service.predict([row]).json()["predictions"][0]
    assert (after["model_version"], after["model_sha256"]) == (version.version, version.sha256)


def test_a_promoted_version_that_does_not_load_leaves_the_last_good_one_and_says_so(service):
    good = production(service.world.engine)
    broken = service.promote("season_average", sha256="e" * 64)
    deadline = time.monotonic() + 5
    while (told := service.client.get("/readyz").json())["status"] != "degraded":
        assert time.monotonic() < deadline
    assert f"Version {broken.version}" in told["reason"]
    assert told["model_version"] == good.version
    answer = service.predict([{"features": {"points_avg_season": 20.0}}])
    assert answer.json()["predictions"][0]["model_version"] == good.version
    service.world.move(good, Stage.PRODUCTION, leaving=broken)
    while service.client.get("/readyz").json()["status"] != "ready":
        assert time.monotonic() < deadline + 5
