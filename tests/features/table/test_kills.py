"""kill -9 and Ctrl-C at any moment: whole chunks stand, states are honest, a rerun ends in the undisturbed table."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from contracts import tables
from contracts.database import open_database, writing
from contracts.settings import Settings, load_settings
from features.builders.compute import BUILDERS
from features.raw.ingest import ingest
from features.sources.simulated import league_sources
from features.table import backfill as backfill_module
from features.table.backfill import backfill
from features.table.rows import read_rows
from features.table.status import status
from features.table.versioned_rows import builder_table, key_columns

PROJECT = Path(__file__).resolve().parents[3]
N_KILLS = 50
KILLS_A_LEAGUE = 5
UP_SECONDS = 60

Rows = dict[str, pl.DataFrame]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Those of conf/, as the command reads them."""
    return load_settings()


@pytest.fixture(scope="module")
def league(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file: a simulated season of four teams, ingested, nothing built."""
    folder = tmp_path_factory.mktemp("league")
    engine = open_database(f"sqlite:///{folder / 'tipoff.db'}")
    for kind, source in league_sources(1, 7, n_teams=4, regular_games=82).items():
        ingest(engine, kind, [source], folder / "rejects")
    _into_one_file(engine)
    return folder / "tipoff.db"


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory, league: Path, feature_set, settings) -> Path:
    """The same, built once, and then every box score of its first date corrected: each later date is stale."""
    file = Path(shutil.copy(league, tmp_path_factory.mktemp("corrected")))
    engine = open_database(f"sqlite:///{file}")
    backfill(engine, feature_set, settings)
    box = tables.player_games
    with writing(engine) as connection:
        first = connection.execute(sa.select(sa.func.min(box.c.game_date))).scalar_one()
        one_more = {"ftm": box.c.ftm + 1, "fta": box.c.fta + 1, "points": box.c.points + 1}
        connection.execute(sa.update(box).where(box.c.game_date == first).values(**one_more))
    _into_one_file(engine)
    return file


@pytest.mark.parametrize("before", ["league", "corrected"])
def test_fifty_kills_end_after_a_rerun_in_the_undisturbed_table(
    before, request, tmp_path, feature_set, settings, current, capsys
):
    """Kills of the real command, up to five to a database, in its start, its computing, its chunks and between them."""
    file = request.getfixturevalue(before)
    rows, n_dates, seconds = _undisturbed(file, tmp_path, feature_set, settings, current)
    draw = random.Random(f"kills of {before}")  # noqa: S311 no secret
    landed: Counter[str] = Counter()
    while landed.total() < N_KILLS // 2:
        home = _home(file, tmp_path / str(landed.total()))
        for _ in range(KILLS_A_LEAGUE):
            phase = _kill_somewhere(home, draw, seconds, n_dates)
            landed[phase] += 1
            _refuse_half_chunks(home, n_dates)
            if phase == "done":
                break
        _rerun_equals(rows, home, feature_set, settings, current)
    _tell(capsys, f"{landed.total()} kills of a backfill of the {before} landed {dict(landed.most_common())}")
    assert landed["mid-chunk"]
    assert landed["computing"]


def test_an_earlier_build_stays_readable_through_a_kill(corrected, tmp_path, feature_set, settings):
    """Killed amid the rows that replace it, the build of before says what it said."""
    home = _home(corrected, tmp_path)
    before = _read(home, feature_set, build_id=1)
    with _backfilling(home) as process:
        _wait_for(lambda: _n_dates_of(home, 2) > 0)
        _kill(process)
    assert_frame_equal(_read(home, feature_set, build_id=1), before, check_exact=True)
    engine = open_database(f"sqlite:///{home / 'tipoff.db'}")
    backfill(engine, feature_set, settings)
    engine.dispose()
    assert_frame_equal(_read(home, feature_set, build_id=1), before, check_exact=True)


def test_ctrl_c_ends_with_130_in_a_line_and_the_rest_is_done_later(league, tmp_path, feature_set, settings, current):
    rows, _, _ = _undisturbed(league, tmp_path, feature_set, settings, current)
    home = _home(league, tmp_path / "home")
    with _backfilling(home) as process:
        _wait_for(lambda: _n_dates_of(home, 1) > 0)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Interrupted." in said
    assert "Traceback" not in said
    assert [(state, failure.split(":")[0]) for state, failure in _builds(home)] == [("failed", "KeyboardInterrupt")]
    _rerun_equals(rows, home, feature_set, settings, current)


def test_a_killed_ingest_leaves_all_or_nothing(tmp_path, capsys):
    """kill -9 of `tipoff ingest game-logs` at random moments; afterwards the same files go in."""
    logs = tmp_path / "logs.parquet"
    league_sources(2, 7, n_teams=10, regular_games=82)["game-logs"].frame.write_parquet(logs)
    n_rows = pl.read_parquet(logs).height
    draw = random.Random("kills of ingest")  # noqa: S311 no secret
    home = tmp_path / "home"
    command = ("ingest", "game-logs", str(logs), "--json")
    seconds = _seconds_of_ingest(tmp_path / "measured", command)
    landed: Counter[str] = Counter()
    for _ in range(8):
        shutil.rmtree(home, ignore_errors=True)
        open_database(f"sqlite:///{_made(home) / 'tipoff.db'}").dispose()
        with _tipoff(home, *command) as process:
            time.sleep(draw.uniform(0.3, 1.0) * seconds)
            os.killpg(process.pid, signal.SIGSTOP)
            is_writing = _is_writing(home)
            _kill(process)
        counts = {name: _count(home, name) for name in ("player_games", "ingests")}
        landed["writing" if is_writing else "all" if counts["ingests"] else "nothing yet"] += 1
        assert counts in ({"player_games": 0, "ingests": 0}, {"player_games": n_rows, "ingests": 1})
    with _tipoff(home, *command) as process:
        out, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert json.loads(out.splitlines()[-1])["player_games"] == n_rows == _count(home, "player_games")
    _tell(capsys, f"{landed.total()} kills of an ingest landed {dict(landed.most_common())}")


def _tell(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """One line that is seen whatever pytest captures."""
    with capsys.disabled():
        sys.stdout.write(f"\n{text}\n")


def _undisturbed(file: Path, folder: Path, feature_set, settings, current) -> tuple[Rows, int, float]:
    """What a backfill of `file` ends in, how many dates it has to build, and the seconds it takes."""
    home = _home(file, folder / "undisturbed")
    engine = open_database(f"sqlite:///{home / 'tipoff.db'}")
    report = backfill(engine, feature_set, settings)
    rows = current(engine)
    engine.dispose()
    return rows, report.dates, report.seconds


def _kill_somewhere(home: Path, draw: random.Random, seconds: float, n_dates: int) -> str:
    """Start the command, kill it at a random moment, and say what it was at.

    One in ten is killed at any moment of its start, the others after their build began: it is frozen first, so that
    what it was at can be looked up.
    """
    n_before = len(_builds(home))
    with _backfilling(home) as process:
        if draw.random() < 0.1:
            time.sleep(draw.uniform(0.0, 2.0))
        else:
            _wait_for(lambda: len(_builds(home)) > n_before or process.poll() is not None)
            time.sleep(draw.uniform(0.0, 1.1) * seconds)
        os.killpg(process.pid, signal.SIGSTOP)
        phase = _phase(home, n_before, n_dates)
        _kill(process)
    return phase


def _phase(home: Path, n_before: int, n_dates: int) -> str:
    """What a frozen backfill is at, by its build, its units and whether it holds the writer's lock."""
    found = _builds(home)
    if len(found) == n_before:
        return "starting"
    if found[-1][0] == "done":
        return "done"
    if not _is_writing(home):
        return "between chunks" if _n_dates_of(home, len(found)) else "computing"
    left = n_dates - len(_dates_with_fresh_units(home))
    return "finishing" if left <= backfill_module.CHUNK_DATES else "mid-chunk"


def _refuse_half_chunks(home: Path, n_dates: int) -> None:
    """Every date has units of all builders or of none, each unit the rows it names, and no row stands twice."""
    engine = open_database(f"sqlite:///{home / 'tipoff.db'}")
    units = tables.build_units
    with engine.connect() as connection:
        by_date = connection.execute(
            sa.select(units.c.game_date, sa.func.count(), sa.func.count(units.c.build_id.distinct())).group_by(
                units.c.game_date
            )
        ).all()
    engine.dispose()
    assert all((n, n_builds) == (len(BUILDERS), 1) for _, n, n_builds in by_date)
    assert len(by_date) <= n_dates


def _rerun_equals(rows: Rows, home: Path, feature_set, settings, current: Callable[[sa.Engine], Rows]) -> None:
    """After a rerun every builder's table and the units are `rows` cell by cell; only the last build is done."""
    engine = open_database(f"sqlite:///{home / 'tipoff.db'}")
    report = backfill(engine, feature_set, settings)
    for name, made in current(engine).items():
        assert_frame_equal(made, rows[name], check_exact=True)
    for builder in BUILDERS:
        table = builder_table(builder, feature_set)
        assert rows[builder].select(key_columns(table)).is_unique().all()
    assert status(engine, settings).complete
    again = backfill(engine, feature_set, settings)
    engine.dispose()
    assert (again.build_id, again.dates, again.changed) == (report.build_id, 0, 0)
    states = [state for state, _ in _builds(home)]
    assert "running" not in states
    assert states[-1] == "done"


@contextmanager
def _tipoff(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The real command in a process group of its own, none of which is left afterwards."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("TIPOFF_", "MLFLOW_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "tipoff", *arguments],
        cwd=PROJECT,
        env=environment | {"TIPOFF_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            _kill(process)
        process.communicate()


def _backfilling(home: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    return _tipoff(home, "features", "backfill")


def _kill(process: subprocess.Popen[str]) -> None:
    """kill -9 of the whole group, and its end, unless it just ended well by itself."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait(timeout=30) in (-signal.SIGKILL, 0)


def _seconds_of_ingest(home: Path, command: tuple[str, ...]) -> float:
    started = time.monotonic()
    with _tipoff(_made(home), *command) as process:
        process.communicate(timeout=120)
    assert process.returncode == 0
    return time.monotonic() - started


def _is_writing(home: Path) -> bool:
    """Whether somebody holds the writer's lock."""
    connection = sqlite3.connect(home / "tipoff.db", timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()
    return False


def _ask(home: Path, question: str, *values: object) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(home / "tipoff.db", timeout=30)
    try:
        return connection.execute(question, values).fetchall()
    finally:
        connection.close()


def _builds(home: Path) -> list[tuple[str, str]]:
    """State and failure of each build, in order."""
    return _ask(home, "SELECT state, failure FROM builds ORDER BY build_id")  # type: ignore[return-value]


def _n_dates_of(home: Path, build_id: int) -> int:
    """How many dates a build has written."""
    return _ask(home, "SELECT count(DISTINCT game_date) FROM build_units WHERE build_id = ?", build_id)[0][0]  # type: ignore[return-value]


def _dates_with_fresh_units(home: Path) -> list[tuple[object, ...]]:
    """Dates written after the newest build that is done."""
    newest = "SELECT coalesce(max(build_id), 0) FROM builds WHERE state = 'done'"
    return _ask(home, f"SELECT DISTINCT game_date FROM build_units WHERE build_id > ({newest})")  # noqa: S608


def _count(home: Path, table: str) -> int:
    return _ask(home, f"SELECT count(*) FROM {table}")[0][0]  # type: ignore[return-value] # noqa: S608


def _read(home: Path, feature_set, build_id: int) -> pl.DataFrame:
    engine = open_database(f"sqlite:///{home / 'tipoff.db'}")
    rows = read_rows(engine, feature_set, build_id=build_id)
    engine.dispose()
    return rows


def _home(file: Path, home: Path) -> Path:
    """A home whose database is a copy of `file`."""
    shutil.copy(file, _made(home) / "tipoff.db")
    return home


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _into_one_file(engine: sa.Engine) -> None:
    """Nothing is left in a write-ahead log: the file can be copied."""
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()


def _wait_for(holds: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + UP_SECONDS
    while not holds():
        assert time.monotonic() < give_up_at, f"not within {UP_SECONDS} s"
        time.sleep(0.02)
