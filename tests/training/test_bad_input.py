"""What trainings, sweeps and backtests are given wrong ends in one line, the right code, and nothing half done."""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from mlflow.tracking import MlflowClient

from contracts.database import open_database
from contracts.home import Home
from contracts.tables import feature_table
from features.feature_sets import load_feature_set
from registry.versions import list_versions
from tipoff.__main__ import main
from training.looks import looks_at
from training.runs import ensure_experiment

SYSTEMS = {
    "xgboost": "class: systems.xgboost:XGBoost\nparameters: {n_estimators: 40, max_depth: 3, nthread: 1}\n",
    "catboost": "class: systems.catboost:CatBoost\nparameters: {iterations: 20, depth: 3, thread_count: 1}\n",
    "ensemble": "class: systems.ensemble:Ensemble\nparameters: {n_folds: 2, members: {xgboost: {}, catboost: {}}}\n",
}
SPACE = "threads: nthread\nparameters:\n  max_depth: {type: int, low: 2, high: 4}\n"
ROWS = feature_table(load_feature_set("v2_33features"))


@dataclass
class Place:
    """A home of the test's own with two small seasons, built; its store has no run."""

    home: Home
    engine: sa.Engine
    capsys: pytest.CaptureFixture[str]

    def tipoff(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Exit code, JSON, and what people see, which is never a traceback."""
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--json"])
        said = self.capsys.readouterr()
        assert "Traceback" not in said.err
        return int(ended.value.code or 0), json.loads(said.out.splitlines()[-1]), said.err

    def refuses(self, code: int, *words: str, command: list[str]) -> None:
        """The command ends with `code` and one line with `words`, and left no version, no look and no open run."""
        ended, said, err = self.tipoff(*command)
        assert ended == code, err
        for word in words:
            assert word in f"{said['error']['message']} {said['error']['remedy']}"
        assert "\n" not in said["error"]["message"]
        assert list_versions(self.engine) == []
        assert looks_at(self.engine, 2023) == []
        assert set(self.statuses) <= {"FAILED", "KILLED"}

    @property
    def statuses(self) -> list[str]:
        """The status of every run, newest first."""
        client = MlflowClient(self.home.tracking_uri)
        return [one.info.status for one in client.search_runs([client.get_experiment_by_name("tipoff").experiment_id])]

    def change(self, **values: Any) -> None:
        """Set columns of all stored rows."""
        with self.engine.begin() as connection:
            connection.execute(sa.update(ROWS).values(**values))


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, make_league: Callable[..., Path]) -> Path:
    """Two small seasons, built, and a store without runs."""
    root = tmp_path_factory.mktemp("bad") / "home"
    make_league(root, n_seasons=2)
    ensure_experiment(Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}"))
    return root


@pytest.fixture
def place(
    ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    root = tmp_path / "home"
    root.mkdir()
    for name in ("tipoff.db", "mlflow.db"):
        shutil.copy(ready / name, root)
    for folder, entries in (("systems", SYSTEMS), ("search_spaces", {"xgboost": SPACE})):
        (tmp_path / "conf" / folder).mkdir(parents=True)
        for name, text in entries.items():
            (tmp_path / "conf" / folder / f"{name}.yaml").write_text(text)
    monkeypatch.setenv("TIPOFF_CONF", str(tmp_path / "conf"))
    monkeypatch.setenv("TIPOFF_HOME", str(root))
    engine = open_database(f"sqlite:///{root / 'tipoff.db'}")
    yield Place(Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}"), engine, capsys)
    engine.dispose()


TRAIN = ["train"]
SWEEP = ["sweep", "--trials", "1", "--workers", "1"]
BACKTEST = ["backtest", "--test-season", "2023-24"]
LEARNING = pytest.mark.parametrize("command", [TRAIN, SWEEP, BACKTEST], ids=["train", "sweep", "backtest"])


@LEARNING
@pytest.mark.parametrize(
    ("given", "word"),
    [
        (["--system", "crystal_ball"], "'crystal_ball' is not a system"),
        (["--feature-set", "v9"], "'v9' is not a feature set"),
        (["--population", "stars"], "'stars' is not a population"),
    ],
)
def test_a_name_that_is_none_is_wrong_usage(command: list[str], given: list[str], word: str, place: Place) -> None:
    place.refuses(2, word, command=[*command, *given])


@pytest.mark.parametrize("command", [TRAIN, SWEEP], ids=["train", "sweep"])
@pytest.mark.parametrize(
    ("given", "word"),
    [
        (["--val-from", "2099-01-01"], "No date is left to validate on"),
        (["--train-to", "1999-01-01"], "0 dates are left to train on"),
        (["--train-from", "2023-11-01", "--val-to", "2023-11-01"], "the rows have 1 dates"),
        (["--train-from", "2023-11-05", "--train-to", "2023-11-01"], "is after --train-to"),
    ],
)
def test_a_split_with_an_empty_block_or_of_one_date_is_wrong_usage(
    command: list[str], given: list[str], word: str, place: Place
) -> None:
    place.refuses(2, word, command=[*command, *given])


def test_a_season_with_nothing_before_it_or_that_is_not_there_is_wrong_usage(place: Place) -> None:
    place.refuses(2, "too little to predict", command=["backtest", "--test-season", "2022-23"])
    place.refuses(
        2, "no results of season 1999-00", "2022-23, 2023-24", command=["backtest", "--test-season", "1999-00"]
    )


@LEARNING
def test_an_infinite_value_is_refused_and_its_column_named(command: list[str], place: Place) -> None:
    place.change(minutes_change=float("inf"))
    place.refuses(3, "infinite or NaN: minutes_change in", "backfill --rebuild", command=command)


@LEARNING
def test_rows_without_a_result_of_the_target_are_no_rows(command: list[str], place: Place) -> None:
    place.change(points=None)
    place.refuses(2, "no results" if command is BACKTEST else "the rows have 0 dates", command=command)


@LEARNING
def test_a_target_that_is_none_is_wrong_usage(
    command: list[str], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIPOFF_TRAINING__TARGET", "pionts")
    place.refuses(2, "The target 'pionts' is none", "rebounds", command=command)


@LEARNING
def test_a_column_that_the_averages_need_and_nobody_has_is_named(command: list[str], place: Place) -> None:
    """No figure is told without the baselines' on the same rows."""
    place.change(points_avg_season=None)
    place.refuses(2, "'points_avg_season'", command=command)


def test_a_column_without_a_value_that_nobody_needs_is_left_out_and_named(place: Place) -> None:
    place.change(opponent_pace=None)
    code, said, _ = place.tipoff(*TRAIN)
    assert code == 0
    assert "opponent_pace" in said["absent_features"]


@LEARNING
def test_a_column_with_few_values_is_refused_with_its_share(command: list[str], place: Place) -> None:
    with place.engine.begin() as connection:
        connection.execute(sa.update(ROWS).where(ROWS.c.player_id % 3 > 0).values(opponent_pace=None))
    place.refuses(3, "opponent_pace has values in 3", "needs 60%", command=command)


@LEARNING
@pytest.mark.parametrize(("system", "word"), [("xgboost", "built without CUDA"), ("catboost", "finds no GPU here")])
def test_a_gpu_that_is_not_there_is_a_wrong_setting(
    command: list[str], system: str, word: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIPOFF_TRAINING__DEVICE", "cuda")
    place.refuses(2, word, "TIPOFF_TRAINING__DEVICE", command=[*command, "--system", system])


def test_an_ensembles_members_want_the_gpu_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPOFF_TRAINING__DEVICE", "cuda")
    place.refuses(2, "TIPOFF_TRAINING__DEVICE", command=[*TRAIN, "--system", "ensemble"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIPOFF_TRAINING__WINDOW_DAYS", "1"),
        ("TIPOFF_TRAINING__AGAIN_SHARE", "95"),
        ("TIPOFF_TRAINING__SAMPLER", "grid"),
    ],
)
def test_a_setting_out_of_range_is_named(name: str, value: str, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    place.refuses(2, name, value, command=TRAIN)


def test_a_study_about_something_else_is_refused(place: Place) -> None:
    sweep = [*SWEEP, "--study", "mine", "--no-register"]
    assert place.tipoff(*sweep)[0] == 0
    code, said, _ = place.tipoff(*sweep, "--population", "rotation")
    assert code == 3
    assert "population: played, not rotation" in said["error"]["message"]
    assert "RUNNING" not in place.statuses


@pytest.mark.parametrize("command", [["evaluate"], ["evaluate", "--version", "3"], ["promote"]])
def test_there_is_nothing_to_judge_before_anything_is_trained(command: list[str], place: Place) -> None:
    code, said, _ = place.tipoff(*command)
    assert code in (1, 2)
    assert "tipoff train" in said["error"]["remedy"]


def test_two_models_at_once_are_wrong_usage(place: Place) -> None:
    place.refuses(2, "two models", command=["evaluate", "--version", "1", "--run", "abc"])
    place.refuses(2, "no run 'abc'", command=["evaluate", "--run", "abc"])
    place.refuses(2, "no run 'abc'", command=["reproduce", "abc"])


# ---------------------------------------------------------------- a full disk
@contextmanager
def files_of_at_most(n_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond that: what a full disk is to who writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


BIG = """class: systems.xgboost:XGBoost
parameters: {n_estimators: 300, num_parallel_tree: 4, early_stopping_rounds: 300, learning_rate: 0.001, nthread: 1}
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", [TRAIN, SWEEP], ids=["train", "sweep"])
def test_a_disk_that_is_full_when_the_model_is_kept_leaves_a_failed_run_and_no_version(
    command: list[str], place: Place, tmp_path: Path
) -> None:
    (tmp_path / "conf" / "systems" / "xgboost.yaml").write_text(BIG)
    with files_of_at_most((place.home.root / "mlflow.db").stat().st_size + 300_000):  # less than the trees take
        code, said, _ = place.tipoff(*command)
    assert code == 1, said
    assert "cannot be kept in" in said["error"]["message"]
    assert "File too large" in said["error"]["message"]
    assert list_versions(place.engine) == []
    assert "RUNNING" not in place.statuses


@pytest.mark.parametrize("command", [TRAIN, BACKTEST], ids=["train", "backtest"])
def test_a_disk_that_is_full_for_mlflows_store_ends_in_one_line_without_a_version(
    command: list[str], place: Place
) -> None:
    with files_of_at_most(100_000):
        code, said, _ = place.tipoff(*command)
    assert code == 1, said
    assert list_versions(place.engine) == []
    code, said, _ = place.tipoff(*command)
    assert code == 0, "with room again the same command does it"
    assert "RUNNING" not in place.statuses
