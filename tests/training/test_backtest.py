"""A season walked forward: no prediction knows its own date or later, and no figure is shown without its look."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa
import yaml
from mlflow.tracking import MlflowClient

from contracts.database import open_database
from contracts.errors import RefusedError, UsageError
from contracts.home import Home
from contracts.settings import GateSettings, Settings, load_settings
from contracts.tables import player_games
from training import backtest as backtest_module
from training import backtest_steps as steps_module
from training.backtest import BacktestResult, backtest
from training.backtest_steps import BacktestRequest, Course, alarms, set_out, walk
from training.kept_folds import KeptFolds, open_kept_folds
from training.looks import looks_at
from training.splits import Span
from training.steps import fit
from training.walk_forward import Retrain

pytestmark = pytest.mark.usefixtures("few_trees", "conf_in_force")
PROJECT = Path(__file__).resolve().parents[2]
REQUEST = BacktestRequest("xgboost", "v2_33features", "played", 2023, log=False)
MONTHLY = replace(REQUEST, retrain=Retrain.MONTHLY)


@pytest.fixture(scope="module")
def conf_files() -> dict[str, str]:
    """Trees that draw their rows: another seed is another model."""
    entry = "class: systems.xgboost:XGBoost\nparameters: {n_estimators: 40, max_depth: 3, subsample: 0.7, nthread: 1}\n"
    return {"systems/xgboost.yaml": entry}


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory, make_league: Callable[..., Path]) -> Path:
    """The database of two simulated seasons, 2022-23 and 2023-24, which nobody has looked at."""
    return make_league(tmp_path_factory.mktemp("built"), n_seasons=2)


@pytest.fixture(scope="module")
def seasons(tmp_path_factory: pytest.TempPathFactory, built_once: Path) -> Home:
    """A home with both seasons, shared by the tests of this file."""
    root = tmp_path_factory.mktemp("seasons")
    shutil.copy(built_once, root / "tipoff.db")
    return Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")


@pytest.fixture(scope="module")
def database(seasons: Home) -> Iterator[sa.Engine]:
    engine = open_database(seasons.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def own(built_once: Path, tmp_path: Path) -> Iterator[sa.Engine]:
    """A database of the test's own, with both seasons and no look."""
    shutil.copy(built_once, tmp_path / "own.db")
    engine = open_database(f"sqlite:///{tmp_path / 'own.db'}")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def settings(few_trees: Path) -> Settings:
    return load_settings()


@pytest.fixture(scope="module")
def result(seasons: Home, database: sa.Engine, settings: Settings) -> BacktestResult:
    return backtest(database, seasons, settings, replace(MONTHLY, log=True))


@pytest.fixture(scope="module")
def course(database: sa.Engine, settings: Settings) -> Course:
    return set_out(database, settings, MONTHLY)


def n_looks(engine: sa.Engine) -> int:
    return len(looks_at(engine, 2023))


# ---------------------------------------------------------------- what it says
def test_the_answer_has_every_figure_with_its_rows_its_baselines_and_its_line(result: BacktestResult) -> None:
    said = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert said["looks"] == 1
    assert said["best_before"] is None
    assert list(said["populations"]) == ["played", "rotation", "early", "lined"]
    for name, row in said["populations"].items():
        assert {"n", "dates", "date_from", "date_to", "mae", "ci95", "mean_error", "share_above"} <= set(row)
        assert 0 <= row["interval_80_coverage"] <= 1
        assert set(row["baselines"]) == {"season_average", "last_10_average"}
        assert all(isinstance(mae, float) for mae in row["baselines"].values())
        assert ("line_mae" in row) == (name == "lined")
    assert (said["test_season"], said["retrain"]) == ("2023-24", "monthly")
    assert said["accepts_closing_game_lines"] is False
    assert len(said["dataset_sha256"]) == 64


def test_the_figures_are_those_of_an_honest_system(result: BacktestResult) -> None:
    """Near the season average on the same rows: far below it would have seen the game."""
    played = result.populations["played"]
    assert played["n"] > 300
    assert 0.8 * played["baselines"]["season_average"] < played["mae"] < 1.1 * played["baselines"]["season_average"]
    assert played["ci95"][0] < played["mae"] < played["ci95"][1]


def test_every_fold_ends_before_its_test_begins_and_the_season_is_covered(result: BacktestResult) -> None:
    folds = result.to_json()["folds"]
    assert len(folds) > 2
    for fold in folds:
        assert fold["train_from"] <= fold["train_to"] < fold["tune_from"] <= fold["tune_to"] < fold["test_from"]
        assert fold["n_train"] > 0
        assert 1 <= fold["best_rounds"] <= 40
    assert (folds[0]["test_from"], folds[-1]["test_to"]) == (
        str(result.course.season.first),
        str(result.course.season.last),
    )
    trained = [fold["n_train"] for fold in folds]
    assert trained == sorted(trained)


def test_a_baseline_walked_forward_is_its_own_baseline(database: sa.Engine, seasons: Home, settings: Settings) -> None:
    """The same rows, the same predictions, so the same figure to the bit; and it is trained on nothing."""
    made = backtest(database, seasons, settings, replace(REQUEST, system="season_average"))
    for row in made.populations.values():
        assert row["mae"] == row["baselines"]["season_average"]
    assert [(fold.n_train, fold.best_rounds) for fold in made.folds] == [(0, None)]


def test_lines_that_were_recorded_late_are_predictions_without_a_spread(
    database: sa.Engine, settings: Settings, tmp_path: Path
) -> None:
    """points_line learns nothing of them, so it answers in the very month in which the first one is known."""
    course = set_out(database, settings, replace(MONTHLY, system="points_line"))
    recorded = pl.col("game_date") >= course.splits[1].validation.first
    late = course.dataset.frame.with_columns(pl.when(recorded).then("vegas_points_line"))
    course = replace(course, dataset=replace(course.dataset, frame=late))
    with open_kept_folds(tmp_path, {"walk": "of lines"}) as kept:
        walked = walk(course, kept)
        again = walk(course, kept)
    for one in (walked, again):
        np.testing.assert_array_equal(one.scored.point, one.frame["vegas_points_line"].fill_null(np.nan).to_numpy())
        assert one.scored.low is None
    assert np.isfinite(walked.scored.point).any()


def test_the_mean_error_is_of_the_rows_that_all_could_predict(database: sa.Engine, settings: Settings) -> None:
    """Recomputed from the walk itself, row by row."""
    course = set_out(database, settings, REQUEST)
    walked = walk(course, KeptFolds(None))
    frame = walked.frame.with_columns(
        point=pl.Series(walked.scored.point), season=pl.Series(walked.points["season_average"])
    )
    kept = [
        abs(row["point"] - row["target"])
        for row in frame.to_dicts()
        if row["n_active_games_season"] < 5 and not np.isnan(row["season"])
    ]
    from training.backtest_steps import judge, tabulate

    row = tabulate(walked, judge(course, walked))["early"]
    assert row["n"] == len(kept)
    assert row["mae"] == pytest.approx(sum(kept) / len(kept))


def test_a_target_that_has_no_averages_to_be_held_against_is_wrong_usage(
    database: sa.Engine, seasons: Home, settings: Settings
) -> None:
    rebounds = settings.model_copy(update={"training": settings.training.model_copy(update={"target": "rebounds"})})
    with pytest.raises(UsageError, match="rebounds"):
        backtest(database, seasons, rebounds, REQUEST)


# ---------------------------------------------------------------- it cannot cheat
@pytest.mark.parametrize("changed", ["target", "points_avg_last_10"])
def test_what_happens_later_changes_no_earlier_prediction(course: Course, changed: str) -> None:
    """Results and features from a month on are made up: predictions of the dates before stay the same to the bit."""
    fold = course.splits[1]
    first = fold.validation.first
    before = walk(course, KeptFolds(None))
    known_until = pl.col("game_date") < first
    altered = pl.when(known_until).then(pl.col(changed)).otherwise(pl.lit(40.0) - pl.col(changed))
    dataset = replace(course.dataset, frame=course.dataset.frame.with_columns(altered.alias(changed)))
    after = walk(replace(course, dataset=dataset), KeptFolds(None))
    dates = before.frame["game_date"].to_numpy().astype("datetime64[D]")
    earlier = dates < np.datetime64(first)
    this_month = (dates >= np.datetime64(first)) & (dates <= np.datetime64(fold.validation.last))
    assert before.scored.point[earlier].tobytes() == after.scored.point[earlier].tobytes()
    assert before.scored.low[earlier].tobytes() == after.scored.low[earlier].tobytes()
    if changed == "target":  # this month's results were known to nobody when this month was predicted
        assert before.scored.point[this_month].tobytes() == after.scored.point[this_month].tobytes()
        later = dates > np.datetime64(fold.validation.last)
        assert not np.array_equal(before.scored.point[later], after.scored.point[later])


def test_a_split_that_learns_from_its_own_test_is_refused(course: Course) -> None:
    """In-sample figures cannot be made, even by somebody who builds the folds by hand."""
    first = course.splits[0]
    cheating = replace(first, tune=Span(first.tune.first, first.validation.first))
    with pytest.raises(RefusedError, match="in-sample"):
        walk(replace(course, splits=[cheating]), KeptFolds(None))


def test_rows_after_the_season_are_not_even_read(database: sa.Engine, settings: Settings) -> None:
    one = set_out(database, settings, replace(REQUEST, test_season=2023))
    assert one.dataset.dates.max() == np.datetime64(one.season.last)


def test_an_embargo_of_the_settings_is_kept(database: sa.Engine, settings: Settings) -> None:
    training = settings.training.model_copy(update={"embargo_days": 3})
    for split in set_out(database, settings.model_copy(update={"training": training}), MONTHLY).splits:
        assert (split.validation.first - split.tune.last).days > 3


# ---------------------------------------------------------------- every look counts
def test_looks_count_up_and_name_the_best_before(own: sa.Engine, seasons: Home, settings: Settings) -> None:
    first = backtest(own, seasons, settings, replace(REQUEST, system="last_10_average"))
    second = backtest(own, seasons, settings, REQUEST)
    third = backtest(own, seasons, settings, REQUEST)
    assert [made.looks for made in (first, second, third)] == [1, 2, 3]
    assert third.best_before["mae"] == min(made.populations["played"]["mae"] for made in (first, second))
    assert third.populations == second.populations
    kept = looks_at(own, 2023)[1].look
    assert kept.populations == second.populations
    assert kept.dataset_sha256 == second.course.dataset.sha256
    assert kept.hyperparameters["n_estimators"] == 40


def test_a_walk_that_is_broken_off_leaves_no_look_and_a_failed_run(
    own: sa.Engine, seasons: Home, settings: Settings
) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backtest(own, seasons, settings, replace(MONTHLY, log=True), interrupt)
    assert n_looks(own) == 0
    client = MlflowClient(seasons.tracking_uri)
    newest = client.search_runs([client.get_experiment_by_name("tipoff").experiment_id], max_results=1)[0]
    assert newest.info.status == "FAILED"
    assert not newest.data.metrics


# ---------------------------------------------------------------- again
def test_a_walk_that_was_broken_off_goes_on_where_it_was_to_the_same_figures_in_the_same_run(
    own: sa.Engine,
    seasons: Home,
    settings: Settings,
    result: BacktestResult,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = replace(seasons, root=tmp_path)  # its folds are its own

    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backtest(own, home, settings, replace(MONTHLY, log=True), interrupt)
    [fold, *_] = home.backtests.rglob("fold-002.npz")
    fold.write_bytes(fold.read_bytes()[:100])  # a power cut
    fitted: list[str] = []
    monkeypatch.setattr(steps_module, "fit", lambda prepared: (fitted.append(str(prepared.split)), fit(prepared)))
    again = backtest(own, home, settings, replace(MONTHLY, log=True))
    assert again.populations == result.populations
    assert again.to_json()["folds"] == result.to_json()["folds"]
    assert again.to_json()["chances"] == result.to_json()["chances"]
    assert len(fitted) == len(result.folds) - 2
    assert again.looks == 1
    client = MlflowClient(seasons.tracking_uri)
    newest = client.search_runs([client.get_experiment_by_name("tipoff").experiment_id], max_results=1)[0]
    assert newest.info.run_id == again.run_id, "the broken off run was taken up"
    assert newest.info.status == "FINISHED"
    assert not list(home.backtests.rglob("*.npz"))


def test_two_backtests_with_one_seed_are_identical_and_another_seed_is_not(
    own: sa.Engine, seasons: Home, settings: Settings, result: BacktestResult, tmp_path: Path
) -> None:
    home = replace(seasons, root=tmp_path)  # nothing broken off is in it
    differing = {"run_id", "seconds", "looks", "best_before"}

    def told(seed: int) -> dict[str, object]:
        training = settings.training.model_copy(update={"seed": seed})
        made = backtest(own, home, settings.model_copy(update={"training": training}), MONTHLY)
        return {name: value for name, value in made.to_json().items() if name not in differing}

    assert told(7) == {name: value for name, value in result.to_json().items() if name not in differing}
    assert told(8)["populations"] != result.populations


def test_a_walk_of_anything_else_has_folds_of_its_own(course: Course, tmp_path: Path) -> None:
    other = replace(course, settings=course.settings.model_copy(update={"seed": 8}))
    with open_kept_folds(tmp_path, course.identity) as kept:
        kept.keep_run("this one")
        with open_kept_folds(tmp_path, other.identity) as another, open_kept_folds(tmp_path, course.identity) as same:
            assert (kept.run_id, another.run_id) == ("this one", None)
            same.keep_run("keeps nothing, for it is walked already")
    with open_kept_folds(tmp_path, course.identity) as kept:
        assert kept.run_id == "this one"


def test_the_look_is_kept_before_anything_is_logged(
    own: sa.Engine, seasons: Home, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full when MLflow writes: the figures may have been seen, so they count."""
    counted: list[int] = []

    def fail(*_: object, **__: object) -> None:
        counted.append(n_looks(own))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backtest_module, "report", fail)
    with pytest.raises(OSError, match="No space left"):
        backtest(own, seasons, settings, replace(REQUEST, log=True))
    assert counted == [1]
    assert n_looks(own) == 1


def test_where_the_look_cannot_be_kept_nothing_is_shown(own: sa.Engine, seasons: Home, settings: Settings) -> None:
    with own.begin() as connection:
        connection.exec_driver_sql("DROP TABLE backtest_looks")
    with pytest.raises(sa.exc.OperationalError, match="backtest_looks"):
        backtest(own, seasons, settings, REQUEST)


def test_two_backtests_at_once_are_two_looks(own: sa.Engine, seasons: Home, settings: Settings) -> None:
    seen: list[int] = []
    request = replace(REQUEST, system="season_average")
    threads = [
        threading.Thread(target=lambda: seen.append(backtest(own, seasons, settings, request).looks)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [1, 2]


# ---------------------------------------------------------------- the run
def test_the_run_has_figures_folds_plots_and_the_looks(result: BacktestResult, seasons: Home) -> None:
    client = MlflowClient(seasons.tracking_uri)
    run = client.get_run(result.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "backtest of 2023-24: xgboost on v2_33features, trained again before each month"
    assert run.data.metrics["test_mae_played"] == result.populations["played"]["mae"]
    assert run.data.metrics["baseline_season_average_mae_rotation"] > 0
    assert run.data.metrics["line_mae_lined"] == result.populations["lined"]["line_mae"]
    assert run.data.metrics["looks"] == result.looks
    assert run.data.tags["kind"] == "backtest"
    assert run.data.tags["dataset_sha256"] == result.course.dataset.sha256
    assert "| played |" in run.data.tags["mlflow.note.content"]
    artifacts = [file.path for file in client.list_artifacts(result.run_id, "plots")]
    assert artifacts == [
        f"plots/{name}.png" for name in ("cumulative_mae", "mae_by_month", "mae_by_tier", "over_calibration")
    ]
    assert "folds.json" in [file.path for file in client.list_artifacts(result.run_id)]


def test_no_parameter_of_the_project_is_logged_a_second_time(result: BacktestResult, seasons: Home) -> None:
    """MLflow logs them as given, and refuses another value."""
    logged = MlflowClient(seasons.tracking_uri).get_run(result.run_id).data.params
    entry = yaml.safe_load((PROJECT / "MLproject").read_text())["entry_points"]["backtest"]
    assert not set(logged) & set(entry["parameters"])
    for name in entry["parameters"]:
        assert f"--{name.replace('_', '-')} {{{name}}}" in entry["command"]


# ---------------------------------------------------------------- what is refused
def test_an_unknown_season_is_wrong_usage_and_the_known_are_named(
    database: sa.Engine, seasons: Home, settings: Settings
) -> None:
    with pytest.raises(UsageError, match=r"no results of season 2030-31.*2022-23, 2023-24"):
        backtest(database, seasons, settings, replace(REQUEST, test_season=2030))


def test_the_first_season_has_nothing_before_it(database: sa.Engine, seasons: Home, settings: Settings) -> None:
    before = n_looks(database)
    with pytest.raises(UsageError, match="0 dates with rows to learn from"):
        backtest(database, seasons, settings, replace(REQUEST, test_season=2022))
    assert n_looks(database) == before


def test_stale_rows_are_refused(own: sa.Engine, seasons: Home, settings: Settings) -> None:
    with own.begin() as connection:
        someone = connection.execute(sa.select(player_games.c.game_id, player_games.c.player_id).limit(1)).one()
        here = (player_games.c.game_id == someone.game_id) & (player_games.c.player_id == someone.player_id)
        connection.execute(player_games.update().where(here).values(assists=player_games.c.assists + 1))
    with pytest.raises(RefusedError, match="stale"):
        backtest(own, seasons, settings, REQUEST)
    assert n_looks(own) == 0


def test_an_unknown_population_is_wrong_usage(database: sa.Engine, seasons: Home, settings: Settings) -> None:
    with pytest.raises(UsageError, match="'starters' is not a population"):
        backtest(database, seasons, settings, replace(REQUEST, population="starters"))


@pytest.mark.parametrize(
    ("mae", "n", "n_alarms"),
    [(4.69, 300, 1), (4.71, 300, 0), (4.0, 299, 0), (5.1, 6000, 0)],
)
def test_far_under_the_line_is_an_alarm(mae: float, n: int, n_alarms: int) -> None:
    raised = alarms({"lined": {"mae": mae, "line_mae": 5.0, "n": n}}, GateSettings())
    assert len(raised) == n_alarms
    assert all("leak until proven otherwise" in alarm for alarm in raised)


def test_without_lined_rows_there_is_no_alarm() -> None:
    assert alarms({"played": {"mae": 1.0, "n": 9000}}, GateSettings()) == []
