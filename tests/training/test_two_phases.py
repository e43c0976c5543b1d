"""Trained now on what is built, and again by itself when nearly all is; an interrupted waiting is taken up."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from mlflow.tracking import MlflowClient

from contracts.database import open_database
from contracts.errors import UnavailableError, UsageError
from contracts.home import Home
from contracts.settings import Settings, load_settings
from contracts.tables import builds
from features.feature_sets import load_feature_set
from features.raw.ingest import ingest
from features.sources.simulated import league_sources
from features.table.backfill import backfill
from features.table.lock import backfill_lock
from features.table.status import stale_dates, status
from registry.versions import list_versions
from training.dataset import load_dataset
from training.kept_runs import KeptRun, find_runs
from training.runs import ensure_experiment
from training.train import TrainRequest
from training.two_phases import TwoPhases, Waiting, train_in_two_phases

REQUEST = TrainRequest("last_10_average", "v2_33features", "played")
POLL = 0.2


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seasons, of which the first is built, and a store for runs."""
    root = tmp_path_factory.mktemp("half")
    engine = open_database(f"sqlite:///{root / 'tipoff.db'}")
    for kind, source in league_sources(2, 7, n_teams=4, regular_games=20).items():
        ingest(engine, kind, [source], root / "rejects")
    backfill(engine, load_feature_set("v2_33features"), Settings(), seasons=(2022, 2022))
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    ensure_experiment(Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}"))
    return root


@pytest.fixture
def home(half: Path, tmp_path: Path) -> Home:
    root = tmp_path / "home"
    root.mkdir()
    for name in ("tipoff.db", "mlflow.db"):
        shutil.copy(half / name, root)
    return Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")


@pytest.fixture
def engine(home: Home) -> Iterator[sa.Engine]:
    made = open_database(home.database_url)
    yield made
    made.dispose()


@pytest.fixture(autouse=True)
def _looks_often(_clean_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPOFF_TRAINING__AGAIN_POLL_SECONDS", str(POLL))


def build_the_rest(home: Home) -> None:
    engine = open_database(home.database_url)
    backfill(engine, load_feature_set("v2_33features"), load_settings())
    engine.dispose()


def twice(engine: sa.Engine, home: Home, **told: Callable[..., None]) -> TwoPhases:
    return train_in_two_phases(engine, home, load_settings(), REQUEST, **told)


def interrupt(seen: Waiting) -> None:
    raise KeyboardInterrupt


def test_it_trains_now_waits_and_trains_again_on_all_that_was_built_meanwhile(engine: sa.Engine, home: Home) -> None:
    seen: list[Waiting] = []
    first: list[KeptRun] = []
    backfilling = threading.Thread(target=build_the_rest, args=(home,))

    def wait(look: Waiting) -> None:
        seen.append(look)
        if len(seen) == 3:
            backfilling.start()

    started = time.monotonic()
    made = twice(engine, home, waiting=wait, first_done=first.append)
    seconds = time.monotonic() - started
    backfilling.join()
    assert 0.3 < seen[0].share < 0.7
    assert made.share == 1.0
    assert len(seen) < seconds / POLL + 1, "it looks as often as the setting says, and sleeps between"
    assert "tipoff features backfill" in seen[0].why
    assert first == [made.first]
    versions = list_versions(engine)
    assert [one.build_id for one in versions] == [1, 2]
    assert versions[1].metrics[0]["date_to"] > versions[0].metrics[0]["date_to"]
    said = made.to_json()
    assert said["first_phase"] == {"run_id": versions[0].run_id, "model_version": versions[0].version}
    assert said["model_version"] == versions[1].version


@pytest.mark.slow
def test_each_run_says_which_phase_it_is_and_who_the_other_is(engine: sa.Engine, home: Home) -> None:
    made = twice(engine, home, waiting=lambda seen: build_the_rest(home))
    client = MlflowClient(home.tracking_uri)
    first, second = (client.get_run(run_id).data.tags for run_id in (made.first.run_id, made.last.run_id))
    assert (first["phase"], second["phase"]) == ("first", "second")
    assert first["second_phase"] == made.last.run_id
    assert (second["first_phase_run"], second["first_phase_version"]) == (made.first.run_id, first["model_version"])
    assert second["mlflow.parentRunId"] == made.first.run_id
    assert float(first["complete_share"]) < 0.7 < float(second["complete_share"])


@pytest.mark.slow
def test_an_interrupted_waiting_is_taken_up_without_training_the_first_phase_again(
    engine: sa.Engine, home: Home
) -> None:
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            twice(engine, home, waiting=interrupt)
    assert len(list_versions(engine)) == 1
    build_the_rest(home)
    made = twice(engine, home, waiting=interrupt)
    assert made.first is not None
    assert made.first.run_id == list_versions(engine)[0].run_id
    assert len(list_versions(engine)) == 2
    assert not find_runs(home, {"second_phase": "waiting"}, status="FINISHED")


def test_a_complete_table_is_trained_on_once(engine: sa.Engine, home: Home) -> None:
    build_the_rest(home)
    made = twice(engine, home, waiting=interrupt)
    assert (made.first, made.share) == (None, 1.0)
    assert len(list_versions(engine)) == 1


def test_a_lower_share_is_a_setting(engine: sa.Engine, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIPOFF_TRAINING__AGAIN_SHARE", "0.3")
    assert twice(engine, home, waiting=interrupt).first is None


@pytest.mark.slow
def test_another_request_is_no_first_phase_of_this_one(engine: sa.Engine, home: Home) -> None:
    with pytest.raises(KeyboardInterrupt):
        twice(engine, home, waiting=interrupt)
    other = TrainRequest("season_average", "v2_33features", "played")
    with pytest.raises(KeyboardInterrupt):
        train_in_two_phases(engine, home, load_settings(), other, waiting=interrupt)
    assert [one.system for one in list_versions(engine)] == ["last_10_average", "season_average"]


@pytest.mark.slow
def test_a_build_that_was_not_finished_is_waited_for_however_far_it_came(engine: sa.Engine, home: Home) -> None:
    """Its dates count as done, and the newest finished build has none of their rows."""
    with pytest.raises(KeyboardInterrupt):
        twice(engine, home, waiting=interrupt)
    build_the_rest(home)
    with engine.begin() as connection:
        connection.execute(sa.update(builds).where(builds.c.build_id == 2).values(state="failed", failure="power cut"))
    seen: list[Waiting] = []

    def mend(look: Waiting) -> None:
        seen.append(look)
        build_the_rest(home)

    made = twice(engine, home, waiting=mend)
    assert [look.share for look in seen] == [1.0]
    assert "build 2 was not finished" in seen[0].why
    assert made.last.build_id == 3


@pytest.mark.slow
def test_of_two_that_wait_for_one_first_phase_one_trains_the_second(engine: sa.Engine, home: Home) -> None:
    others: list[TwoPhases] = []

    def be_slower(seen: Waiting) -> None:
        build_the_rest(home)
        others.append(twice(engine, home, waiting=interrupt))

    with pytest.raises(UnavailableError, match="by another process meanwhile: run") as late:
        twice(engine, home, waiting=be_slower)
    assert others[0].last.run_id in str(late.value)
    assert len(list_versions(engine)) == 2


def test_rows_of_a_build_under_way_do_not_make_those_of_the_finished_one_stale(engine: sa.Engine, home: Home) -> None:
    """The first phase trains while a backfill goes on, on what the finished build has."""
    feature_set, settings = load_feature_set("v2_33features"), load_settings()
    before = load_dataset(engine, feature_set, settings, population="played")
    build_the_rest(home)
    with engine.begin() as connection:
        unfinished = {"state": "running", "finished_at": None, "n_rows": None, "n_dates": None}
        connection.execute(sa.update(builds).where(builds.c.build_id == 2).values(**unfinished))
    with backfill_lock(engine, 0):
        assert status(engine, settings).running is not None
        assert stale_dates(engine, feature_set, settings) == []
        assert load_dataset(engine, feature_set, settings, population="played").sha256 == before.sha256


def test_an_unfinished_rebuild_of_dates_that_were_built_makes_them_stale(engine: sa.Engine, home: Home) -> None:
    feature_set, settings = load_feature_set("v2_33features"), load_settings()
    backfill(engine, feature_set, settings, rebuild=True)
    with engine.begin() as connection:
        connection.execute(sa.update(builds).where(builds.c.build_id == 2).values(state="failed", failure="power cut"))
    assert len(stale_dates(engine, feature_set, settings)) > 10


def test_what_cannot_be_trained_waits_for_nothing(engine: sa.Engine, home: Home) -> None:
    with pytest.raises(UsageError, match="not a system"):
        train_in_two_phases(engine, home, load_settings(), TrainRequest("crystal", "v2_33features", "played"))
    assert list_versions(engine) == []
