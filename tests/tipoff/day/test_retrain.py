"""Retraining: when it is due Production's system learns again and the gate speaks, also where it was killed between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts import clock
from contracts.database import open_database
from contracts.home import Home
from contracts.jobs import JobRun, job_run
from contracts.settings import DailySettings, GateSettings, Settings, TrainingSettings
from registry.versions import list_versions, production
from tipoff.day.retrain import TRAIN, retrain
from tipoff.day.tools import Tools

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*AnyType.*:UserWarning"),  # MLflow of itself, where it is imported first
    pytest.mark.filterwarnings("ignore:.*noload.*:sqlalchemy.exc.SADeprecationWarning"),
]

SETTINGS = Settings(
    daily=DailySettings(retrain_days=14),
    training=TrainingSettings(min_coverage=0.0),
    gate=GateSettings(accept_changed_code=True, min_rows=10, min_dates=2),
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, shell_at: Callable[..., Any], built: Path) -> Path:
    """A home whose Production version was really trained, by the commands."""
    home = tmp_path_factory.mktemp("retrain") / "home"
    home.mkdir()
    (home / "tipoff.db").write_bytes(built.read_bytes())
    shell = shell_at(home, TIPOFF_TRAINING__MIN_COVERAGE="0", TIPOFF_GATE__MIN_ROWS="10")
    shell.done("train", "--system", "season_average")
    shell.done("promote", "--override", "--reason", "the first")
    return home


@pytest.fixture
def tools(root: Path) -> Iterator[Tools]:
    home = Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")
    engine = open_database(home.database_url)
    yield Tools(home, SETTINGS, engine)
    engine.dispose()


def run_step(tools: Tools) -> JobRun:
    day = date(2023, 3, 1)
    with job_run(tools.engine, "day.retrain", day) as run:
        retrain(tools, day, run)
    return run


def test_it_is_not_due_before_its_days_and_never_without_them(tools: Tools) -> None:
    assert run_step(tools).state == "skipped"
    never = Tools(tools.home, Settings(), tools.engine)
    assert run_step(never).detail == "daily.retrain_days is null: never."


def test_when_it_is_due_the_gate_speaks_of_a_new_version_and_a_refusal_is_an_outcome(tools: Tools) -> None:
    champion, n_before = production(tools.engine), len(list_versions(tools.engine))
    with clock.moved_to(clock.wall() + timedelta(days=15)):
        run = run_step(tools)
        again = run_step(tools)
    assert run.state == "done"
    assert len(list_versions(tools.engine)) == n_before + 1
    assert run.figures["promoted"] is False, "it is no better than its equal"
    assert "was refused: the gate" in str(run.detail)
    assert production(tools.engine) == champion
    assert again.state == "skipped", "not due again"


def test_what_was_trained_and_killed_before_the_gate_is_judged_by_the_next_run(tools: Tools) -> None:
    """Nothing is trained twice."""
    from training.train import TrainRequest, train

    request = TrainRequest("season_average", "v2_33features", "played")
    with job_run(tools.engine, TRAIN, date(2023, 3, 2)) as run:  # and then the process was killed
        run.figures = {"model_version": train(tools.engine, tools.home, SETTINGS, request).model_version}
    n_before = len(list_versions(tools.engine))
    judged = run_step(tools)
    assert judged.figures["model_version"] == run.figures["model_version"]
    assert len(list_versions(tools.engine)) == n_before
    assert run_step(tools).state == "skipped", "judged once"
