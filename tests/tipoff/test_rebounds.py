"""The target is a setting: a model of rebounds is trained, promoted, served and graded by the same commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

LEAGUE = ("--seasons", "2", "--teams", "6", "--games", "60", "--seed", "7")
SET = "rebounds_20features"


@dataclass
class Job:
    """What every step of the job said."""

    trained: dict[str, Any]
    evaluated: dict[str, Any]
    reproduced: dict[str, Any]
    promoted: dict[str, Any]
    model: dict[str, Any]
    batch: list[dict[str, Any]]
    own_line: dict[str, Any]
    graded: dict[str, Any]
    line_system: Any
    other_target: Any


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, shell_at: Callable[..., Any]) -> Job:
    home = tmp_path_factory.mktemp("rebounds") / "home"
    settings = {
        "TIPOFF_TRAINING__TARGET": "rebounds",
        "TIPOFF_TRAINING__FEATURE_SET": SET,
        "TIPOFF_GATE__MIN_SHARE_ABOVE": "0.42",  # of counts this small, a sixth are the median itself
        "OMP_NUM_THREADS": "1",
    }
    here = shell_at(home, **settings)
    here.done("ingest", "simulated", *LEAGUE)
    here.done("features", "backfill", "--feature-set", SET)
    trained = here.done("train", "--system", "xgboost")
    evaluated = here.done("evaluate")
    reproduced = here.done("reproduce", trained["run_id"])
    promoted = here.done("promote")
    with here.serving() as client:
        model = client.get("/model").json()
        batch = client.post("/predict-batch", json={"game_date": trained["val_to"]}).json()["predictions"]
        first = {name: batch[0][name] for name in ("game_id", "player_id")}
        answer = client.post("/predict", json={"rows": [first | {"line": 4.5}]}).json()["predictions"][0]
    graded = here.done("grade")
    of_points = shell_at(home, OMP_NUM_THREADS="1")
    of_points.done("features", "backfill")
    of_points.done("train", "--system", "season_average")
    return Job(
        trained=trained,
        evaluated=evaluated,
        reproduced=reproduced,
        promoted=promoted,
        model=model,
        batch=batch,
        own_line=answer,
        graded=graded,
        line_system=here.tipoff("train", "--system", "points_line", "--json"),
        other_target=of_points.tipoff("promote", "--json"),
    )


def test_it_is_trained_on_rebounds_and_held_against_averages_of_rebounds(job: Job) -> None:
    assert job.trained["target"] == "rebounds"
    mine, season = job.trained["metrics"]["played"], job.trained["baselines"]["season_average"]["played"]
    assert mine["mae"] < season["mae"] < 4
    assert 0.75 < mine["interval_80_coverage"] < 0.95
    assert "lined" not in job.trained["metrics"]
    assert (job.trained["line"], job.trained["tiers"]) == ({}, {})


def test_it_is_evaluated_and_reproduced_like_any_other(job: Job) -> None:
    assert job.evaluated["metrics"] == job.trained["metrics"]
    assert job.reproduced["metrics_equal"] is True


def test_the_gate_promotes_it_over_the_season_average_of_rebounds(job: Job) -> None:
    assert (job.promoted["promoted"], job.promoted["champion"]) == (True, 1)
    not_judged = {test["name"]: test["detail"] for test in job.promoted["verdict"]["tests"]}["not_too_good"]
    assert not_judged.startswith("Not judged: 0 of"), "the books' lines are about points"


def test_it_is_served_and_points_lines_are_no_lines_of_rebounds(job: Job) -> None:
    assert job.model["target"] == "rebounds"
    told = [answer for answer in job.batch if answer["error"] is None]
    assert len(told) > 20
    assert 1 < sum(answer["predicted_points"] for answer in told) / len(told) < 8
    assert {answer["target"] for answer in told} == {"rebounds"}
    assert {(answer["line"], answer["over_probability"]) for answer in told} == {(None, None)}
    assert job.own_line["line"] == 4.5
    assert 0 < job.own_line["over_probability"] < 1


def test_it_is_graded_by_rebounds(job: Job) -> None:
    figures = {row["population"]: row for row in job.graded["by_label"]}
    assert {row["target"] for row in figures.values()} == {"rebounds"}
    assert 0 < figures["played"]["mae"] < 4
    assert "lined" not in figures


def test_the_books_line_cannot_predict_them_and_says_so(job: Job) -> None:
    assert job.line_system.code == 2
    assert "points_line predicts points; the target is 'rebounds'" in job.line_system.err


def test_a_version_of_another_target_does_not_take_its_place(job: Job) -> None:
    assert job.other_target.code == 3
    failed = next(test for test in job.other_target.json["verdict"]["tests"] if not test["passed"])
    assert failed["name"] == "champion_answers"
    assert "predicts rebounds" in failed["detail"]


def test_no_code_of_training_registry_serving_or_monitoring_names_a_target() -> None:
    """The line's target, the fields of the HTTP interface and the registered model's name stand in contracts."""
    project = Path(__file__).resolve().parents[2]
    allowed = {"serving/schemas.py", "serving/predictor.py", "serving/store.py"}  # predicted_points, by the interface
    for room in ("training", "registry", "serving", "monitoring"):
        for path in sorted((project / room).glob("**/*.py")):
            if path.name == "examples.py":  # of the HTTP interface, as it answers by default
                continue
            code = path.read_text()
            if str(path.relative_to(project)) in allowed:
                code = code.replace("predicted_points", "")
            assert not [word for word in ('"points"', "'points'", "points_", "rebounds") if word in code], path
