"""Bad days: the right state, a clear alarm, nothing lost, and the next run recovers without anybody's hand."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.settings import CoordinatorSettings, Settings
from contracts.tables import dead_letters, games, grades, ledger, player_daily_cache, predictions
from features.feature_sets import load_feature_set
from features.raw.ingest import ingest
from features.sources.files import Source
from features.table import backfill as backfill_module
from features.table.rows import read_rows
from tests.tipoff.conftest import PROJECT, wait_until
from tests.tipoff.day.conftest import KINDS, Place, detail_of, steps_of
from tipoff.coordinator.batches import open_batch
from tipoff.coordinator.expectation import expect
from tipoff.coordinator.ledger import claim
from tipoff.day.cycle import lock_path, run_day
from tipoff.day.turn import one_at_a_time


def lay_again(place: Place) -> None:
    """The source is back, with what was known on the morning it went."""
    place.publish(place.today)


# ---------------------------------------------------------------- sources
def test_a_source_that_is_down_is_an_alarm_and_the_day_goes_on_with_what_is_there(place: Place) -> None:
    (place.drop / "injuries.parquet").unlink()
    said = place.day(place.today, code=1)
    assert said["state"] == "failed"
    assert steps_of(said)["ingest"] == "failed"
    assert steps_of(said)["predict"] == "done"
    assert "injuries" in detail_of(said, "ingest")
    assert place.alarms() == [("ingest_failed", place.today.isoformat())]
    lay_again(place)
    assert place.day(place.today)["state"] == "done"
    assert place.alarms() == []


@pytest.mark.slow
def test_a_source_down_for_two_days_costs_no_prediction_and_one_run_takes_everything_in(place: Place) -> None:
    first, second, third = place.today, *place.later[:2]
    place.day(first)
    for kind in KINDS:
        (place.drop / f"{kind}.parquet").unlink()
    for day in (second, third):
        said = place.day(day, code=1)
        assert steps_of(said) | {"ingest": "failed", "build": "done", "predict": "done"} == steps_of(said), said
        assert place.predicted(day) > 0, "from what is there"
    assert ("grade_failed", third.isoformat()) in place.alarms(), "yesterday's results are missing, and that is said"
    n_said = place.count(predictions)
    fourth = place.later[2]
    place.publish(fourth)
    said = place.day(fourth)
    assert said["state"] == "done"
    assert place.alarms() == []
    assert place.count(predictions) > n_said, "nothing that was said is lost"
    graded = place.count(grades)
    assert graded == place.count(predictions, predictions.c.game_date < fourth)


def test_rows_that_were_built_without_yesterdays_results_know_no_more_than_there_was(place: Place) -> None:
    place.day(place.today)
    late = place.later[1]
    place.day(late, code=1)  # the files are still those of the first morning
    rows = read_rows(place.engine, load_feature_set("v2_33features"), date_from=late, date_to=late)
    assert rows["max_source_date"].max() < place.today


# ---------------------------------------------------------------- games
def test_a_game_postponed_after_it_was_predicted_is_expected_and_waited_for_no_more(place: Place) -> None:
    place.day(place.today)
    with place.engine.connect() as connection:
        game = connection.execute(sa.select(games).where(games.c.game_date == place.today)).first()
    moved_to = place.later[3]
    schedule = place.league.sources["schedule"].frame
    is_it = pl.col("game_id") == game.game_id
    off = schedule.filter(is_it).with_columns(status=pl.lit("postponed"))
    ingest(place.engine, "schedule", [Source("postponed", off, "1" * 64)], place.root / "rejects")
    in_time = place.day(place.today)
    others = place.count(games, games.c.game_date == place.today)
    assert in_time["state"] == ("done" if others else "no_games")

    anew = schedule.with_columns(game_date=pl.when(is_it).then(pl.lit(moved_to)).otherwise("game_date"))
    anew = anew.with_columns(tip_off_at=pl.when(is_it).then(None).otherwise("tip_off_at"))
    logs = {kind: frame for kind, frame in place.league.known(place.later[0]).items() if kind != "schedule"}
    for kind, frame in (logs | {"schedule": anew}).items():
        column = next((name for name in ("game_id", "GAME_ID") if name in frame.columns), None)
        kept = frame.filter(pl.col(column) != game.game_id) if column and kind != "schedule" else frame
        kept.write_parquet(place.drop / f"{kind}.parquet")
    said = place.day(place.later[0])
    assert said["state"] == "done", "the predictions of a game that was moved wait for nothing"
    assert place.count(predictions, predictions.c.game_id == game.game_id) > 0, "and what was said stays"
    assert place.count(grades, grades.c.prediction_id.in_(_said_of(game.game_id))) == 0


def test_on_opening_night_nobody_is_expected_and_that_is_no_failure(place: Place) -> None:
    opening = date(place.league.dates[0].year + 1, 10, 24)
    place.publish(opening)
    schedule = place.league.sources["schedule"].frame
    first = schedule.tail(1).with_columns(game_id=pl.lit("0022300001"), game_date=pl.lit(opening), tip_off_at=None)
    pl.concat([schedule, first.cast(dict(schedule.schema))]).write_parquet(place.drop / "schedule.parquet")
    said = place.day(opening)
    assert said["state"] == "done"
    assert "Nobody can be expected" in detail_of(said, "predict")
    assert place.predicted(opening) == 0
    assert place.alarms() == []


def _said_of(game_id: str) -> Any:
    return sa.select(predictions.c.prediction_id).where(predictions.c.game_id == game_id)


@pytest.mark.slow
def test_late_box_scores_are_an_alarm_until_they_are_there(place: Place) -> None:
    place.day(place.today)
    only_schedule = place.league.known(place.later[0])["schedule"]
    only_schedule.write_parquet(place.drop / "schedule.parquet")
    said = place.day(place.later[0], code=1)
    assert "wait for the box scores" in detail_of(said, "grade")
    assert place.alarms() == [("grade_failed", place.later[0].isoformat())]
    place.publish(place.later[0])
    assert place.day(place.later[0])["state"] == "done"
    assert place.alarms() == []


# ---------------------------------------------------------------- rows and models
def test_a_builder_whose_rows_are_gone_is_built_again(place: Place) -> None:
    place.day(place.today)
    with writing(place.engine) as connection:
        gone = sa.delete(player_daily_cache).where(player_daily_cache.c.game_date == place.today)
        assert connection.execute(gone).rowcount > 0
    said = place.day(place.today)
    assert said["state"] == "done"
    assert "1 dates built" in detail_of(said, "build")
    assert place.count(player_daily_cache, player_daily_cache.c.game_date == place.today) > 0


def test_a_build_that_fails_predicts_nothing_and_grading_goes_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.day(place.today)
    place.publish(place.later[0])

    def lose_a_builder(raw: Any, feature_set: Any, settings: Any, dates: Any) -> Any:
        frames = dict(real(raw, feature_set, settings, dates))
        return frames | {"player_daily_cache": frames["player_daily_cache"].head(1)}

    real = backfill_module.compute
    monkeypatch.setattr(backfill_module.backfill, "__kwdefaults__", _with(compute_with=lose_a_builder))
    said = place.day(place.later[0], code=3)
    assert steps_of(said) | {"build": "failed", "predict": "skipped", "grade": "done"} == steps_of(said)
    assert "player_daily_cache has no row for" in detail_of(said, "build")
    assert place.alarms() == [("build_failed", place.later[0].isoformat())]
    monkeypatch.undo()
    assert place.day(place.later[0])["state"] == "done"
    assert place.alarms() == []
    assert place.predicted(place.later[0]) > 0


def _with(**changes: Any) -> dict[str, Any]:
    return {**(backfill_module.backfill.__kwdefaults__ or {}), **changes}


def test_a_model_whose_files_are_gone_costs_its_system_alone_and_the_same_batch_goes_on_when_they_are_back(
    place: Place, without_files: Callable[[int], Any]
) -> None:
    with without_files(2):
        said = place.day(place.today, code=3)
    assert steps_of(said)["predict"] == "failed"
    assert "model_not_loaded" in detail_of(said, "predict")
    figures = next(step["figures"] for step in said["steps"] if step["name"] == "predict")
    assert figures["predicted"] == figures["failed"] == figures["expected"] // 2
    assert place.alarms() == [("predict_failed", place.today.isoformat())]
    again = place.day(place.today)
    assert again["state"] == "done"
    assert place.alarms() == []
    assert place.predicted(place.today) == figures["expected"]
    assert place.count(dead_letters, dead_letters.c.replayed_at.is_(None)) == 0


def test_a_home_without_any_version_says_so(built: Path, tmp_path: Path, inside_at: Callable[..., Any]) -> None:
    shutil.copy(built, tmp_path / "tipoff.db")
    (tmp_path / "experiment-ready").write_text(f"sqlite:///{tmp_path / 'mlflow.db'}")
    with sqlite3.connect(tmp_path / "tipoff.db") as connection:
        (day,) = connection.execute("SELECT max(game_date) FROM games").fetchone()
    said = inside_at(tmp_path).tipoff("day", "--date", day, "--json")
    assert said.code == 3
    assert "production below 95%" in detail_of(said.json, "predict")
    assert "no_version" in detail_of(said.json, "predict")


# ---------------------------------------------------------------- the database and the disk
def test_a_database_locked_for_seconds_is_waited_for(place: Place) -> None:
    held = sqlite3.connect(place.root / "tipoff.db", isolation_level=None, check_same_thread=False)
    held.execute("BEGIN IMMEDIATE")
    threading.Timer(2.0, held.rollback).start()
    assert place.day(place.today)["state"] == "done"
    held.close()


@pytest.mark.slow
def test_a_database_locked_for_longer_fails_loudly_and_the_next_run_does_everything(place: Place) -> None:
    held = sqlite3.connect(place.root / "tipoff.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    said = place.shell.tipoff("day", "--date", place.today.isoformat(), "--json")
    assert said.code == 1
    assert "database is locked" in said.err
    held.rollback()
    held.close()
    assert place.day(place.today)["state"] == "done"


@pytest.mark.slow
@pytest.mark.parametrize("spare", [40_000, 120_000, 200_000])
def test_a_full_disk_leaves_nothing_half_written_and_the_next_run_does_everything(place: Place, spare: int) -> None:
    """No file of that process grows beyond a limit: what a full disk is to who writes."""
    with place.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    size = (place.root / "tipoff.db").stat().st_size

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (spare, size + spare))

    done = subprocess.run(
        [sys.executable, "-m", "tipoff", "day", "--date", place.today.isoformat()],
        env=place.shell.environment,
        cwd=PROJECT,
        preexec_fn=limit,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    place.engine.dispose()
    with sqlite3.connect(place.root / "tipoff.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    said = place.day(place.today)
    assert said["state"] == "done"
    assert next(step["figures"]["coverage"] for step in said["steps"] if step["name"] == "predict") == 1.0


# ---------------------------------------------------------------- clocks
def test_a_lease_that_a_wrong_clock_gave_binds_nobody(place: Place) -> None:
    """Whoever claimed them had a clock two days ahead, and was killed."""
    place.day(place.today)
    tools = place.tools()
    tomorrow = Settings(coordinator=CoordinatorSettings(systems=("xgboost",)))
    opened, _ = open_batch(place.engine, expect(place.engine, tomorrow, place.today))
    with clock.moved_to(clock.wall() + timedelta(days=2)):
        assert claim(place.engine, "killed", tomorrow.coordinator) is not None
    report = run_day(tools, place.today)
    assert report.state == "done"
    assert place.count(ledger, ledger.c.batch_id == opened.batch_id, ledger.c.state != "predicted") == 0


@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_that_is_wrong_changes_no_state_and_no_prediction_becomes_live_by_it(place: Place, days: int) -> None:
    with clock.moved_to(clock.wall() + timedelta(days=days)):
        assert run_day(place.tools(), place.today).state == "done"
    place.publish(place.later[0])
    assert place.day(place.later[0])["state"] == "done"
    with place.engine.connect() as connection:
        labels = set(connection.scalars(sa.select(grades.c.label)))
    assert labels <= {"backfill", "in_sample"}, "said in truth years after tip-off"


# ---------------------------------------------------------------- two at once, and killed
def test_a_day_that_runs_already_refuses_the_second_and_says_who_runs(place: Place) -> None:
    with one_at_a_time(lock_path(place.tools().home), f"the day of {place.today}"):
        said = place.shell.tipoff("day", "--date", place.later[0].isoformat(), "--json")
    assert said.code == 3
    assert f"the day of {place.today}, process {os.getpid()}" in said.json["error"]["message"]
    assert place.runs("day") == []


@pytest.mark.slow
def test_two_days_at_once_are_one_day(place: Place) -> None:
    command = [sys.executable, "-m", "tipoff", "day", "--date", place.today.isoformat(), "--json"]
    both = [
        subprocess.Popen(
            command, env=place.shell.environment, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    codes = sorted(process.wait(timeout=120) for process in both)
    for process in both:
        process.communicate()
    assert codes in ([0, 3], [0, 0]), "the second was refused, or came after the first had ended"
    assert [state for _, state in place.runs("day")].count("running") == 0
    said = place.day(place.today)
    assert place.predicted(place.today) == next(
        step["figures"]["expected"] for step in said["steps"] if step["name"] == "predict"
    )


BEFORE_IT_BEGINS = 5
"""The statement of a process of `tipoff day` that stands before its run is written down."""
STOPPED = """
import os, sys
import sqlalchemy as sa
from tipoff.__main__ import main
left = int(sys.argv[1])

def step(*_args, **_kwargs):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), int(sys.argv[3]))

sa.event.listen(sa.engine.Engine, "before_cursor_execute", step)
sa.event.listen(sa.engine.Engine, "commit", step)
main(["day", "--date", sys.argv[2]])
"""


def _stop_at(place: Place, statement: int, by: signal.Signals = signal.SIGKILL) -> int:
    command = [sys.executable, "-c", STOPPED, str(statement), place.today.isoformat(), str(int(by))]
    done = subprocess.run(
        command, env=place.shell.environment, cwd=PROJECT, capture_output=True, text=True, timeout=120
    )
    return done.returncode


@pytest.mark.parametrize(
    "statement", [180, *(pytest.param(n, marks=pytest.mark.slow) for n in (40, 90, 120, 150, 210, 260, 290, 320, 350))]
)
def test_a_day_killed_before_any_statement_is_simply_run_again(place: Place, statement: int) -> None:
    assert _stop_at(place, statement) == -9
    assert place.runs("day") == [(place.today, "running")]
    said = place.day(place.today)
    assert said["state"] == "done"
    figures = next(step["figures"] for step in said["steps"] if step["name"] == "predict")
    assert (figures["coverage"], place.predicted(place.today)) == (1.0, figures["expected"])
    assert place.ledger_states() == {"predicted"}
    wait_until(lambda: place.alarms() == [], 1)


@pytest.mark.parametrize(
    "statement",
    [180, *(pytest.param(n, marks=pytest.mark.slow) for n in (BEFORE_IT_BEGINS, 40, 90, 120, 150, 210, 260, 320))],
)
def test_ctrl_c_ends_a_day_which_says_so_and_is_simply_run_again(place: Place, statement: int) -> None:
    assert _stop_at(place, statement, signal.SIGINT) == 130
    assert place.runs("day") == ([] if statement == BEFORE_IT_BEGINS else [(place.today, "failed")])
    said = place.day(place.today)
    assert said["state"] == "done"
    figures = next(step["figures"] for step in said["steps"] if step["name"] == "predict")
    assert (figures["coverage"], place.predicted(place.today)) == (1.0, figures["expected"])
    assert place.ledger_states() == {"predicted"}
