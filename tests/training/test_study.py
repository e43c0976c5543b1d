"""A study loses no trial and repeats none, whoever works on it and whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.errors import RefusedError, UsageError
from contracts.home import Home
from training.search_space import SearchSpace
from training.study import State, Study, TakenOver, best_of, n_used, open_study
from training.study_store import open_store

PROJECT = Path(__file__).resolve().parents[2]
SPACE = SearchSpace.model_validate(
    {
        "parameters": {
            "rate": {"type": "float", "low": 0.01, "high": 1.0, "log": True},
            "depth": {"type": "int", "low": 1, "high": 9},
            "grow": {"type": "categorical", "choices": ["wide", "deep"]},
        }
    }
)
FIRST = {"rate": 0.1, "depth": 3, "grow": "wide"}
ABOUT = {"system": "xgboost", "feature_set": "small (abc)", "folds": ["one", "two"]}

CLAIM_AND_STAY = """
import sys, time
from test_study import ABOUT, joined, home_of
study = joined(home_of(*sys.argv[1:]))
trial = study.next_trial(100)
print(trial.number, flush=True)
time.sleep(600)
"""
"""A worker that is in mid-trial until it is killed."""


def home_of(root: str, study_url: str = "") -> Home:
    return Home(Path(root), "sqlite:///unused.db", "sqlite:///unused_too.db", study_url or None)


OPENED: list[Study] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """What a test opened is closed after it."""
    yield
    while OPENED:
        OPENED.pop().store.close()


def joined(home: Home, about: dict[str, Any] = ABOUT, sampler: str = "tpe", pruning: bool = True) -> Study:
    """One more worker of the study `tests`."""
    store = open_store(home, "tests", heartbeat_seconds=1)
    study = open_study(store, "tests", about, SPACE, first=FIRST, sampler=sampler, pruning=pruning, seed=7)
    OPENED.append(study)
    return study


@pytest.fixture(params=["journal", pytest.param("postgres", marks=pytest.mark.slow)])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """Studies in a journal and, among the slow tests, in a real PostgreSQL."""
    if request.param == "journal":
        return home_of(str(tmp_path))
    return home_of(str(tmp_path), request.getfixturevalue("new_postgres")())


@pytest.fixture
def claim_and_die(home: Home) -> Callable[[], int]:
    """claim_and_die() -> the number of a trial whose worker was killed in the middle of it."""

    def run() -> int:
        environment = os.environ | {"PYTHONPATH": f"{PROJECT}{os.pathsep}{Path(__file__).parent}"}
        command = [sys.executable, "-c", CLAIM_AND_STAY, str(home.root), *([home.study_url] if home.study_url else [])]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None
            number = int(worker.stdout.readline())
            worker.send_signal(signal.SIGKILL)
        return number

    return run


def states(study: Study) -> list[State]:
    return [record.state for record in study.records]


# ---------------------------------------------------------------- counting
def test_workers_together_make_as_many_trials_as_were_asked_for_and_no_more(home: Home) -> None:
    one, other = joined(home), joined(home)
    for _ in range(3):
        for study in (one, other):
            trial = study.next_trial(6)
            assert trial is not None
            study.complete(trial, float(trial.number))
    assert one.next_trial(6) is None
    assert other.next_trial(6) is None
    assert states(one) == [State.COMPLETE] * 6


def test_asking_for_more_goes_on_where_it_ended(home: Home) -> None:
    study = joined(home)
    study.complete(study.next_trial(1), 5.0)
    assert study.next_trial(1) is None
    again = joined(home)
    assert [record.value for record in again.records] == [5.0]
    again.complete(again.next_trial(2), 4.0)
    assert best_of(again.records).number == 1


def test_the_first_trial_is_what_conf_says(home: Home) -> None:
    assert joined(home).next_trial(1).params == FIRST


def test_the_same_seed_tries_the_same_in_the_same_order(tmp_path: Path) -> None:
    tried = []
    for name in ("a", "b"):
        study = joined(home_of(str(tmp_path / name)))
        tried.append([])
        for _ in range(13):  # three beyond those that are drawn at random
            trial = study.next_trial(13)
            tried[-1].append(trial.params)
            study.complete(trial, abs(trial.params["rate"] - 0.3) + trial.params["depth"])
    assert tried[0] == tried[1]
    assert len({json.dumps(params) for params in tried[0]}) == 13


def test_another_sampler_is_a_setting(tmp_path: Path) -> None:
    study = joined(home_of(str(tmp_path)), sampler="random")
    values = []
    for _ in range(30):
        trial = study.next_trial(30)
        values.append(trial.params["rate"])
        study.complete(trial, trial.params["rate"])
    assert sum(value < 0.03 for value in values[15:]) < 10, "chance does not learn that low is good"


def test_tpe_learns_where_it_is_good(tmp_path: Path) -> None:
    study = joined(home_of(str(tmp_path)))
    values = []
    for _ in range(30):
        trial = study.next_trial(30)
        values.append(trial.params["rate"])
        study.complete(trial, trial.params["rate"])
    assert sum(value < 0.03 for value in values[15:]) >= 10


# ---------------------------------------------------------------- the dead
def test_the_trial_of_a_killed_worker_is_tried_once_more_with_its_parameters(
    home: Home, claim_and_die: Callable[[], int]
) -> None:
    study = joined(home)
    study.complete(study.next_trial(2), 5.0)
    assert claim_and_die() == 1
    retry = study.next_trial(2)
    assert retry.number == 2
    assert retry.params == study.records[1].params
    assert [record.retry_of for record in study.records] == [None, None, 1]
    assert states(study) == [State.COMPLETE, State.ABANDONED, State.RUNNING]
    study.complete(retry, 4.0)
    assert study.next_trial(2) is None, "the retry is the second of two"
    assert n_used(study.records) == 2


def test_parameters_that_kill_twice_are_given_up(home: Home, claim_and_die: Callable[[], int]) -> None:
    claim_and_die()
    claim_and_die() if home.study_url is None else _die_when_stale(claim_and_die)
    study = joined(home)
    third = study.next_trial(2)
    assert third.number == 2
    assert [record.retry_of for record in study.records] == [None, 0, None]


def _die_when_stale(claim_and_die: Callable[[], int]) -> None:
    time.sleep(4)  # three beats of a second, missed
    claim_and_die()


def test_a_worker_that_lives_keeps_its_trial(home: Home) -> None:
    one, other = joined(home), joined(home)
    mine = one.next_trial(5)
    theirs = other.next_trial(5)
    assert states(one) == [State.RUNNING, State.RUNNING]
    other.complete(theirs, 5.0)
    if home.study_url:
        time.sleep(5)  # longer than a silent worker is waited for
    assert other.next_trial(5).number == 2
    one.complete(mine, 4.0)
    assert states(one) == [State.COMPLETE, State.COMPLETE, State.RUNNING]


def test_a_trial_that_ends_while_it_is_looked_at_stays_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its worker tells the value and only then lets go of its lock, which another process finds free."""
    one, other = joined(home_of(str(tmp_path))), joined(home_of(str(tmp_path)))
    trial = one.next_trial(5)

    def end_now(worker: str) -> bool:
        one.complete(trial, 1.0)
        return False

    monkeypatch.setattr(other.store, "_is_alive", end_now)
    assert other.next_trial(5).number == 1
    assert states(one) == [State.COMPLETE, State.RUNNING]


def test_a_trial_that_was_broken_off_is_for_another_worker(home: Home) -> None:
    study = joined(home)
    trial = study.next_trial(1)
    study.give_back(trial)
    again = joined(home).next_trial(1)
    assert (again.number, again.params) == (1, trial.params)


def test_a_trial_that_failed_by_itself_is_not_tried_again(home: Home) -> None:
    study = joined(home)
    study.fail(study.next_trial(1), "XGBoostError: no")
    assert study.next_trial(1) is None
    assert (study.records[0].state, study.records[0].error) == (State.FAILED, "XGBoostError: no")


def test_what_was_given_to_another_cannot_be_ended_by_the_first(home: Home) -> None:
    study = joined(home)
    trial = study.next_trial(1)
    study.give_back(trial)
    for end in (lambda: study.complete(trial, 1.0), lambda: study.prune(trial), lambda: trial.note(run_id="x")):
        with pytest.raises(TakenOver):
            end()
    assert best_of(study.records) is None


def test_half_a_line_that_a_killed_process_left_in_the_journal_costs_nothing(tmp_path: Path) -> None:
    home = home_of(str(tmp_path))
    study = joined(home)
    study.complete(study.next_trial(5), 5.0)
    with (home.studies / "tests.journal").open("a") as journal:
        journal.write('{"op_code": 4, "wor')
    again = joined(home)
    again.complete(again.next_trial(5), 4.0)
    assert [record.value for record in joined(home).records] == [5.0, 4.0]


# ---------------------------------------------------------------- pruning
def test_who_is_worse_than_most_were_at_the_same_point_is_hopeless_and_nobody_else(home: Home) -> None:
    study = joined(home)
    for reached in (4.0, 3.0, 2.0, 1.0):  # the first four are only looked at
        trial = study.next_trial(99)
        assert not trial.is_hopeless(reached, 0)
        study.complete(trial, reached)
    other = joined(home)
    worse, better = study.next_trial(99), other.next_trial(99)
    assert worse.is_hopeless(2.6, 0)
    study.prune(worse)
    assert not better.is_hopeless(2.4, 0)
    assert not better.is_hopeless(9.0, 1), "nobody came to step 1 before"
    assert (study.records[4].state, study.records[4].reached) == (State.PRUNED, 2.6)
    assert best_of(study.records).value == 1.0


def test_without_pruning_nobody_is_hopeless(tmp_path: Path) -> None:
    study = joined(home_of(str(tmp_path)), pruning=False)
    for reached in (1.0, 1.0, 1.0, 1.0, 1.0, 9.0):
        trial = study.next_trial(99)
        assert not trial.is_hopeless(reached, 0)
        study.complete(trial, reached)


# ---------------------------------------------------------------- what it is about
def test_a_study_of_another_feature_set_is_refused_and_both_are_named(home: Home) -> None:
    joined(home)
    with pytest.raises(
        RefusedError, match=r"'tests' is about something else: feature_set: small \(abc\), not v2"
    ) as no:
        joined(home, about=ABOUT | {"feature_set": "v2 (def)"})
    assert no.value.exit_code == 3


@pytest.mark.slow
def test_who_is_refused_leaves_no_connection_open(tmp_path: Path, new_postgres: Callable[[], str]) -> None:
    home = home_of(str(tmp_path), new_postgres())
    joined(home)
    before = n_connections(home)
    with pytest.raises(RefusedError):
        joined(home, about=ABOUT | {"feature_set": "v2 (def)"})
    deadline = time.monotonic() + 20
    while n_connections(home) > before:  # the server takes a moment to notice
        assert time.monotonic() < deadline


def n_connections(home: Home) -> int:
    """How many connections the server has for the studies' database, the asker's own among them."""
    engine = sa.create_engine(str(home.study_url), poolclass=sa.NullPool)
    query = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    with engine.connect() as connection:
        return int(connection.scalar(query) or 0)


@pytest.mark.parametrize("name", ["", "a/b", "../up", "with space", "-dash", "x" * 101])
def test_what_cannot_be_a_name_is_wrong_usage(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a study"):
        open_store(home_of(str(tmp_path)), name, 1)


@pytest.mark.parametrize("address", ["sqlite:///studies.db", "nonsense", "mysql://u@h/studies"])
def test_an_address_that_is_no_postgresql_is_wrong_usage_and_tells_no_password(address: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="TIPOFF_STUDY_URL is not the address of a PostgreSQL database"):
        open_store(home_of(str(tmp_path), address), "tests", 1)


def test_studies_in_the_database_of_something_else_are_refused(tmp_path: Path) -> None:
    address = "postgresql://u@h/one"
    home = Home(tmp_path, "postgresql+psycopg://u@h/one", "sqlite:///mlflow.db", address)
    with pytest.raises(UsageError, match="TIPOFF_STUDY_URL and TIPOFF_DATABASE_URL name one database"):
        open_store(home, "tests", 1)
