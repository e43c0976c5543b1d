"""Over HTTP, what moved a prediction adds up to it: SHAP values for trees, its own parts for every other system."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

SYSTEMS = ("xgboost", "catboost", "similarity", "perceptron", "moving_average", "zone_matchup", "last_10_average")


@pytest.fixture(scope="module")
def service(open_world: Any, start_service: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    world = open_world(tmp_path_factory.mktemp("explain") / "home")
    for system in SYSTEMS:
        world.register(system)
    with start_service(world) as running:
        running.promote("season_average")
        running.wait_for("/readyz", 200, seconds=20)
        yield running
    world.engine.dispose()


def explain(service: Any, row: dict[str, Any], system: str, top: int) -> dict[str, Any]:
    answer = service.client.post("/explain", json={"row": row, "system": system, "top": top})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("system", SYSTEMS)
def test_base_contributions_and_rest_add_up_to_the_prediction(service, system):
    rows = [{"player_id": row["player_id"], "game_id": row["game_id"]} for row in service.world.slate().to_dicts()]
    n_explained = 0
    for row in rows[:6]:
        told = explain(service, row, system, top=3)
        if told["error"] is None:
            n_explained += 1
            parts = [each["contribution"] for each in told["contributions"]]
            assert told["base"] + sum(parts) + told["rest"] == pytest.approx(told["predicted_points"], abs=1e-4)
            assert [abs(part) for part in parts] == sorted(map(abs, parts), reverse=True)
            predicted = service.predict([row], system=system).json()["predictions"][0]["predicted_points"]
            assert told["predicted_points"] == predicted
    assert n_explained


@pytest.mark.parametrize("system", ["xgboost", "catboost"])
def test_with_every_feature_named_nothing_is_left(service, system):
    row = service.world.slate().row(0, named=True)
    told = explain(
        service, {"features": {name: row[name] for name in service.world.feature_set.names}}, system, top=100
    )
    assert len(told["contributions"]) > 20
    assert told["rest"] == pytest.approx(0, abs=1e-9)
    assert any(each["contribution"] < 0 for each in told["contributions"]), "signs"


def test_a_row_that_cannot_be_predicted_is_not_explained(service):
    told = explain(service, {"features": {}}, "last_10_average", top=3)
    assert (told["error"]["code"], told["contributions"], told["base"]) == ("not_predictable", [], None)


def test_a_system_that_is_not_there_is_said(service):
    answer = service.client.post("/explain", json={"row": {"features": {}}, "system": "points_line"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_system")
