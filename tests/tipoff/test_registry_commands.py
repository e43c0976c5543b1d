"""`tipoff registry` on real versions: compare, lineage both ways, repair, prune, history --verify."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from mlflow import MlflowClient

from contracts.database import open_database

pytestmark = [
    pytest.mark.slow,  # trains and promotes through the command line
    pytest.mark.filterwarnings("ignore:.*AnyType.*:UserWarning"),  # MLflow of itself, where it is imported first
]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, built: Path, inside_at: Callable[..., Any]) -> Any:
    """Version 1 (season_average) in Production, 2 (xgboost) refused or promoted by force, a slate predicted by each."""
    home = tmp_path_factory.mktemp("commands") / "home"
    home.mkdir()
    shutil.copy(built, home / "tipoff.db")
    shell = inside_at(home, TIPOFF_TRAINING__MIN_COVERAGE="0", TIPOFF_GATE__MIN_ROWS="50", TIPOFF_GATE__MIN_DATES="5")
    for system in ("season_average", "xgboost"):
        shell.done("train", "--system", system)
    shell.done("promote", "--version", "1", "--override", "--reason", "somebody must answer")
    day = _last_date(home)
    shell.done("predict", "--game-date", day)
    shell.done("promote", "--version", "2", "--override", "--reason", "a league too small for the gate")
    shell.done("predict", "--game-date", day)
    return shell


def _last_date(home: Path) -> str:
    engine = open_database(f"sqlite:///{home / 'tipoff.db'}")
    with engine.connect() as connection:
        found = connection.scalar(sa.text("SELECT max(game_date) FROM player_games"))
    engine.dispose()
    return str(found)


def query(shell: Any, text: str) -> list[Any]:
    engine = open_database(f"sqlite:///{shell.home / 'tipoff.db'}")
    with engine.connect() as connection:
        found = list(connection.execute(sa.text(text)))
    engine.dispose()
    return found


def client(shell: Any) -> MlflowClient:
    uri = shell.environment["MLFLOW_TRACKING_URI"]
    return MlflowClient(uri, uri)


def test_a_promotion_without_a_service_says_so_and_is_logged(lived: Any) -> None:
    history = lived.done("registry", "history", "--verify")
    assert history["verified"] is True
    assert history["head_known_to_mlflow"].startswith(f"{history['history'][-1]['seq']}:")
    assert history["history"][-1]["proof"]["outcome"] == "no_service"
    log = [json.loads(line) for line in (lived.home / "registry.log").read_text().splitlines()]
    assert [(line["event"], line["version"]) for line in log] == [("promotion", 1), ("promotion", 2)]
    assert log[1]["reason"] == "a league too small for the gate"


def test_compare_tells_every_part_with_its_interval_and_draws_it(lived: Any, tmp_path: Path) -> None:
    found = lived.done("registry", "compare", "1", "2", "--out", str(tmp_path / "plots" / "c.png"))
    assert (found["a"], found["b"], found["population"]) == (1, 2, "played")
    kinds = {part["kind"] for part in found["parts"]}
    assert kinds == {"overall", "population", "tier", "month"}
    overall = found["parts"][0]
    assert overall["n"] == sum(part["n"] for part in found["parts"] if part["kind"] == "month")
    assert overall["difference"] == pytest.approx(overall["mae_b"] - overall["mae_a"])
    assert len(overall["ci95"]) == 2
    assert {"parts", "rows"} == found["differ_most"].keys()
    farthest = [abs(row["a"] - row["b"]) for row in found["differ_most"]["rows"]]
    assert farthest == sorted(farthest, reverse=True)
    assert (tmp_path / "plots" / "c.png").read_bytes().startswith(b"\x89PNG")
    assert lived.tipoff("registry", "compare", "1", "9").code == 2


def test_a_prediction_leads_to_version_run_commit_build_and_raw_sources(lived: Any) -> None:
    prediction_id, version = query(lived, "SELECT max(prediction_id), max(model_version) FROM predictions")[0]
    assert version == 2
    found = lived.done("registry", "lineage", str(prediction_id))
    links = found["links"]
    assert (found["kind"], links["predictions"][0]["prediction_id"]) == ("prediction", prediction_id)
    made = links["versions"][0]
    assert (made["version"], made["system"], made["stage"]) == (2, "xgboost", "Production")
    assert links["runs"] == [made["run_id"]]
    assert links["commits"] == [made["commit"]]
    assert len(made["dataset_sha256"]) == 64
    assert [build["build_id"] for build in links["builds"]] == [1]
    assert {source["kind"] for source in links["sources"]} >= {"game-logs", "points-lines"}
    assert all(len(source["sha256"]) == 64 for source in links["sources"])


def test_each_link_leads_back_to_the_predictions(lived: Any) -> None:
    run_id = query(lived, "SELECT run_id FROM model_versions WHERE version = 2")[0][0]
    counted = query(lived, "SELECT count(*) FROM predictions WHERE model_version = 2")[0][0]
    commit = lived.done("registry", "lineage", "version:2")["links"]["commits"][0]
    for asked, n_versions in ((f"run:{run_id}", 1), ("version:2", 1), (run_id, 1), ("build:1", 2), ("ingest:1", 2)):
        links = lived.done("registry", "lineage", asked)["links"]
        assert len(links["versions"]) == n_versions, asked
        told = {row["model_version"]: row["n"] for row in links["predictions"]}
        assert told[2] == counted, asked
    by_commit = lived.done("registry", "lineage", f"commit:{commit[:10]}")["links"]
    assert [row["version"] for row in by_commit["versions"]] == [1, 2]
    assert [row["ingest_id"] for row in lived.done("registry", "lineage", "ingest:1")["links"]["sources"]] == [1]


@pytest.mark.parametrize(
    "asked", ["version:99", "build:77", "nothing", "version:x", "prediction:123456", "commit:ffff"]
)
def test_what_is_not_there_is_wrong_usage_that_says_how_to_write_it(lived: Any, asked: str) -> None:
    said = lived.tipoff("registry", "lineage", asked)
    assert said.code == 2
    assert "Write prediction:12 (or 12), version:3" in said.err


def test_repair_shows_what_a_hand_moved_before_it_puts_it_back(lived: Any) -> None:
    assert lived.done("registry", "repair", "--dry-run")["changes"] == []
    assert lived.done("registry", "history", "--verify")["hand_moved"] == []
    client(lived).set_registered_model_alias("tipoff-points", "production", "1")
    told = lived.tipoff("registry", "history", "--verify", "--json")
    assert [change["field"] for change in told.json["hand_moved"]] == ["alias production"]
    assert "Somebody changed MLflow by hand: model, alias production: '1' instead of '2'" in " ".join(told.err.split())
    shown = lived.tipoff("registry", "repair", "--dry-run", "--json")
    assert "alias production" in shown.err
    change = {"subject": "model", "field": "alias production", "found": "1", "wanted": "2"}
    assert (shown.json["changes"], shown.json["repaired"]) == ([change], False)
    assert int(client(lived).get_registered_model("tipoff-points").aliases["production"]) == 1
    mended = lived.tipoff("registry", "repair", "--json")
    assert mended.err.index("alias production") < mended.err.index("Mended")
    assert mended.json["changes"] == [change]
    assert int(client(lived).get_registered_model("tipoff-points").aliases["production"]) == 2
    assert lived.done("registry", "repair")["changes"] == []


def test_prune_says_what_it_keeps_and_a_dry_run_deletes_nothing(lived: Any) -> None:
    found = lived.done("registry", "prune", "--dry-run")
    assert found["pruned"] == []
    assert {row["version"]: row["reason"] for row in found["kept"]} == {1: "previous: the way back", 2: "in Production"}
    assert lived.done("registry", "prune")["pruned"] == []


def test_list_shows_what_was_live_then(lived: Any) -> None:
    moved = lived.done("registry", "history")["history"]
    then = next(entry["at"] for entry in moved if entry["version"] == 1 and entry["to_stage"] == "Production")
    told = lived.done("registry", "list", "--at", then)["versions"]
    assert {row["version"]: row["stage"] for row in told}[1] == "Production"
    assert {row["version"]: row["stage"] for row in lived.done("registry", "list")["versions"]}[2] == "Production"


def test_a_broken_chain_exits_3_and_names_the_entry(lived: Any, tmp_path: Path, inside_at: Callable[..., Any]) -> None:
    shutil.copytree(lived.home, tmp_path / "home")
    shell = inside_at(tmp_path / "home", MLFLOW_TRACKING_URI=lived.environment["MLFLOW_TRACKING_URI"])
    engine = open_database(f"sqlite:///{tmp_path / 'home' / 'tipoff.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER promotion_history_no_update")
        connection.exec_driver_sql("UPDATE promotion_history SET actor = 'mallory' WHERE seq = 2")
    engine.dispose()
    said = shell.tipoff("registry", "history", "--verify", "--json")
    assert said.code == 3
    assert "entry 2 was altered" in said.err
    with open_database(f"sqlite:///{tmp_path / 'home' / 'tipoff.db'}").begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER promotion_history_no_delete")
        connection.exec_driver_sql("DELETE FROM promotion_history WHERE seq > 1")
    cut = shell.tipoff("registry", "history", "--verify", "--json")
    assert cut.code == 3
    assert "known outside, is not there: the history was cut" in cut.err
