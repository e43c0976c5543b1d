"""A run trained again from what it recorded has the same figures; where it has not, what changed is said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from mlflow.tracking import MlflowClient

from contracts.database import open_database
from contracts.errors import RefusedError, UsageError
from contracts.home import Home
from contracts.model_metadata import folder_sha256
from contracts.settings import load_settings
from contracts.tables import player_games, points_lines
from features.feature_sets import load_feature_set
from features.table.backfill import backfill
from features.table.prune import prune
from registry.versions import list_versions
from tipoff.__main__ import main
from training.kept_runs import read_run
from training.reproduction import TOLERANCE, Change, Reproduction, flat, reproduce
from training.sweep import SweepRequest, sweep
from training.train import TrainRequest, TrainResult, train

pytestmark = pytest.mark.slow  # each model is trained again

REQUEST = TrainRequest("xgboost", "v2_33features", "played")
SYSTEM = "class: systems.xgboost:XGBoost\nparameters: {{n_estimators: 40, max_depth: {}, nthread: 1, subsample: 0.7}}\n"
ENSEMBLE = "class: systems.ensemble:Ensemble\nparameters: {n_folds: 2, members: {xgboost: {}, season_average: {}}}\n"
SPACE = "threads: nthread\nparameters:\n  max_depth: {type: int, low: 2, high: 4}\n"


@dataclass
class World:
    """A home with a small league that was trained on, then corrected and built again."""

    home: Home
    engine: sa.Engine
    conf: Path
    runs: dict[str, str]

    def again(self, name: str) -> Reproduction:
        return reproduce(self.engine, self.home, load_settings(), self.runs[name])

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.home.tracking_uri)

    def files(self, name: str) -> Path:
        """The folder of the model that a run left."""
        model = self.client.get_logged_model(read_run(self.home, self.runs[name]).model_id)
        return Path(model.artifact_location.removeprefix("file://")) / "artifacts" / "native"

    def rewrite(self, name: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Change what a run's model says of itself, as if it had been so from the start."""
        path = self.files(name) / "metadata.json"
        said = json.loads(path.read_text())
        change(said)
        path.write_text(json.dumps(said))
        self.client.set_tag(self.runs[name], "model_sha256", folder_sha256(self.files(name)))


def write_conf(folder: Path, depth: int) -> None:
    for part, name, text in (
        ("systems", "xgboost", SYSTEM.format(depth)),
        ("systems", "ensemble", ENSEMBLE),
        ("search_spaces", "xgboost", SPACE),
    ):
        (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / part / f"{name}.yaml").write_text(text)


def correct(engine: sa.Engine) -> None:
    """What the league's office does: yesterday's assists were one more, and a rebuild of everything follows."""
    with engine.begin() as connection:
        connection.execute(sa.update(player_games).values(assists=player_games.c.assists + 1))
        box = player_games.c
        one = connection.execute(sa.select(box.game_id, box.player_id).where(box.fg3m == 0, box.minutes > 0)).first()
        connection.execute(
            sa.update(player_games)
            .where(box.game_id == one.game_id, box.player_id == one.player_id)
            .values(fgm=box.fgm + 3, fga=box.fga + 3, points=box.points + 6)
        )
    backfill(engine, load_feature_set("v2_33features"), load_settings(), rebuild=True, accept_quality="a correction")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, league: Any) -> Iterator[World]:
    root, conf = tmp_path_factory.mktemp("again"), tmp_path_factory.mktemp("conf")
    write_conf(conf, 3)
    shutil.copy(league.built, root / "tipoff.db")
    home = Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")
    engine = open_database(home.database_url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIPOFF_CONF", str(conf))
        settings = load_settings()
        runs = {
            name: train(engine, home, settings, request).run_id
            for name, request in {
                "xgboost": REQUEST,
                "planted": REQUEST,
                "ensemble": TrainRequest("ensemble", "v2_33features", "played"),
                "average": TrainRequest("season_average", "v2_33features", "played"),
            }.items()
        }
        runs["sweep"] = sweep(engine, home, settings, SweepRequest(REQUEST, n_trials=2)).run_id
        correct(engine)
        yield World(home, engine, conf, runs)
    engine.dispose()


@pytest.fixture(autouse=True)
def _conf_in_force(world: World, _clean_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPOFF_CONF", str(world.conf))


@pytest.mark.parametrize("name", ["xgboost", "ensemble", "average", "sweep"])
def test_after_corrections_and_a_rebuild_every_figure_is_as_it_was(name: str, world: World) -> None:
    """It reads the rows of the recorded build, not those that are current."""
    made = world.again(name)
    assert made.metrics_equal
    assert made.model_equal
    assert made.max_difference is not None
    assert made.max_difference <= TOLERANCE
    assert made.n_figures > 100
    assert made.changed == []


def test_the_corrected_rows_give_other_figures(world: World) -> None:
    """Else the tests above would prove nothing."""
    now = train(
        world.engine, world.home, load_settings(), TrainRequest("xgboost", "v2_33features", "played", register=False)
    )
    assert dict(flat({"metrics": now.to_json()["metrics"]})) != {
        name: value for name, value in figures_of(world, "xgboost").items() if name.startswith("metrics.")
    }


def figures_of(world: World, name: str) -> dict[str, float]:
    return dict(flat(json.loads((world.files(name) / "metadata.json").read_text())["results"]))


def test_nothing_is_logged_or_registered_by_it(world: World) -> None:
    experiment = world.client.get_experiment_by_name("tipoff").experiment_id
    before = len(world.client.search_runs([experiment])), len(list_versions(world.engine))
    world.again("average")
    assert (len(world.client.search_runs([experiment])), len(list_versions(world.engine))) == before


def test_a_changed_conf_is_said_and_the_runs_own_parameters_are_used(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_conf(tmp_path, 5)
    monkeypatch.setenv("TIPOFF_CONF", str(tmp_path))
    monkeypatch.setenv("TIPOFF_TRAINING__SEED", "99")
    monkeypatch.setenv("TIPOFF_TRAINING__MIN_COVERAGE", "1.0")
    made = world.again("xgboost")
    assert made.metrics_equal
    assert made.changed == [Change("conf/systems/xgboost.yaml, max_depth", "3", "5", used="then")]


def test_an_ensembles_members_are_those_of_the_run_too(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_conf(tmp_path, 5)
    monkeypatch.setenv("TIPOFF_CONF", str(tmp_path))
    made = world.again("ensemble")
    assert made.metrics_equal
    assert [one.what for one in made.changed] == ["conf/systems/ensemble.yaml, members"]


def test_another_library_other_code_and_other_cores_are_named(world: World) -> None:
    world.rewrite("planted", lambda said: said["library_versions"].update({"xgboost-cpu": "2.0.3"}))
    world.client.set_tag(world.runs["planted"], "git_commit", "a" * 40)
    world.client.set_tag(world.runs["planted"], "host_cores", "96")
    told = {one.what: (one.then, one.now) for one in world.again("planted").changed}
    assert told["library xgboost-cpu"] == ("2.0.3", "3.2.0")
    assert told["code"][0].startswith("a" * 12)
    assert told["host cores"][0] == "96"


def test_a_figure_that_does_not_come_out_is_named_with_both_values(world: World) -> None:
    def flatter(said: dict[str, Any]) -> None:
        said["results"]["metrics"]["played"]["mae"] -= 0.5

    world.rewrite("planted", flatter)
    made = world.again("planted")
    assert not made.metrics_equal
    assert list(made.differences) == ["metrics.played.mae"]
    assert made.max_difference == pytest.approx(0.5)
    then, now = made.differences["metrics.played.mae"]
    assert now == pytest.approx(then + 0.5)


def own_copy(world: World, folder: Path) -> World:
    """The same world with a database of the test's own."""
    with world.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(world.home.root / "tipoff.db", folder / "tipoff.db")
    return World(world.home, open_database(f"sqlite:///{folder / 'tipoff.db'}"), world.conf, world.runs)


def test_prices_that_were_corrected_since_are_told_by_the_figures_that_stand_on_them(
    world: World, tmp_path: Path
) -> None:
    own = own_copy(world, tmp_path)
    with own.engine.begin() as connection:
        connection.execute(sa.update(points_lines).values(over_price=-200, under_price=160))
    made = own.again("xgboost")
    own.engine.dispose()
    assert not made.metrics_equal
    assert all("line" in name.split(".") for name in made.differences)
    assert [one.what for one in made.changed] == ["the books' prices (SHA-256)"]


def test_a_pruned_build_is_named_and_nothing_is_trained(world: World, tmp_path: Path) -> None:
    """Only what no version names is pruned: this run registered none."""
    own = own_copy(world, tmp_path)
    request = TrainRequest("season_average", "v2_33features", "played", register=False)
    own.runs = {"gone": train(own.engine, own.home, load_settings(), request).run_id}
    correct(own.engine)
    prune(own.engine)
    made = own.again("gone")
    own.engine.dispose()
    assert (made.metrics_equal, made.max_difference, made.model_equal) == (False, None, None)
    assert [(one.what, one.then) for one in made.changed] == [("build", "2")]
    assert "was pruned at" in made.changed[0].now


def test_rows_that_were_tampered_with_are_told_by_their_hash(world: World, tmp_path: Path) -> None:
    own = own_copy(world, tmp_path)
    with own.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE ml_feature_store_v2_33features SET points = points + 1 WHERE from_build = 1")
        )
    shutil.rmtree(own.home.snapshots)
    made = own.again("average")
    own.engine.dispose()
    shutil.rmtree(own.home.snapshots)
    assert not made.metrics_equal
    assert "rows (SHA-256)" in [one.what for one in made.changed]


def test_a_set_that_is_defined_otherwise_now_cannot_be_reproduced(world: World) -> None:
    world.rewrite("planted", lambda said: said.update(feature_set_hash="0" * 64))
    made = world.again("planted")
    assert made.max_difference is None
    assert "definitions of v2_33features" in [one.what for one in made.changed]


def test_a_run_without_a_training_is_wrong_usage(world: World) -> None:
    with pytest.raises(UsageError, match="no run 'nonsense'"):
        reproduce(world.engine, world.home, load_settings(), "nonsense")
    experiment = world.client.get_experiment_by_name("tipoff").experiment_id
    bare = world.client.create_run(experiment, run_name="a note").info.run_id
    world.client.set_terminated(bare, "FAILED")
    with pytest.raises(UsageError, match="has no model: its status is FAILED"):
        reproduce(world.engine, world.home, load_settings(), bare)


def test_a_model_that_does_not_prove_itself_is_not_compared_with(world: World) -> None:
    world.client.set_tag(world.runs["planted"], "model_sha256", "0" * 64)
    with pytest.raises(RefusedError, match="SHA-256"):
        world.again("planted")


@pytest.mark.parametrize(("tampered", "code"), [(False, 0), (True, 1)])
def test_the_command_ends_with_0_for_the_same_and_1_for_other_figures(
    tampered: bool, code: int, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIPOFF_HOME", str(world.home.root))
    made: TrainResult = train(
        world.engine, world.home, load_settings(), TrainRequest("last_10_average", "v2_33features", "played")
    )
    world.runs["command"] = made.run_id
    if tampered:
        world.rewrite("command", lambda said: said["results"]["metrics"]["played"].update(mae=4.26))
    with pytest.raises(SystemExit) as ended:
        main(["reproduce", made.run_id, "--json"])
    assert ended.value.code == code
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["metrics_equal"] is not tampered
    assert (said["max_difference"] > TOLERANCE) is tampered
