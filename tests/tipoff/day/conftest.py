"""A league that is played day by day: its sources write files, each morning what is known by then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from contracts.database import open_database
from contracts.home import Home
from contracts.settings import Settings
from contracts.tables import alarms, job_runs, ledger, predictions
from features.feature_sets import load_feature_set
from features.raw.ingest import ingest
from features.sources.files import Source
from features.sources.simulated import league_sources
from features.table.backfill import backfill
from registry.stages import Stage
from tests.serving.conftest import World
from tipoff.day.steps import Outcome
from tipoff.day.tools import Tools

KINDS = ("game-logs", "schedule", "positions", "players", "shot-zones", "game-lines", "points-lines", "injuries")
N_SYSTEMS = 2


@dataclass(frozen=True)
class League:
    """Every fact of a small season, by kind, and its game dates."""

    sources: dict[str, Source]

    @property
    def dates(self) -> list[date]:
        return sorted(self.sources["schedule"].frame["game_date"].unique().to_list())

    def known(self, morning: date) -> dict[str, pl.DataFrame]:
        """What is known on the morning of a date, by kind; kinds without any fact are left out."""
        day = morning.isoformat()
        frames = {kind: source.frame for kind, source in self.sources.items()}
        logs = frames["game-logs"].filter(pl.col("GAME_DATE") < day)
        kept = frames | {
            "game-logs": logs,
            "shot-zones": frames["shot-zones"].filter(pl.col("GAME_ID").is_in(logs["GAME_ID"].implode())),
            "game-lines": frames["game-lines"].filter(pl.col("game_date") < morning),
            "points-lines": frames["points-lines"].filter(pl.col("captured_at").dt.date() <= morning),
            "injuries": frames["injuries"].filter(pl.col("date") < day),
        }
        return {kind: kept[kind] for kind in KINDS if not kept[kind].is_empty()}


@dataclass
class Place:
    """A home on the morning of `today`, a date with games; yesterday's results are in, and versions are registered."""

    root: Path
    league: League
    today: date
    shell: Any
    engine: sa.Engine

    @property
    def drop(self) -> Path:
        """Where the sources lay their files."""
        return self.root / "drop"

    @property
    def later(self) -> list[date]:
        """The game dates after today."""
        return [day for day in self.league.dates if day > self.today]

    def publish(self, morning: date) -> None:
        """The sources' files as they are on that morning."""
        self.drop.mkdir(exist_ok=True)
        for kind, frame in self.league.known(morning).items():
            frame.write_parquet(self.drop / f"{kind}.parquet")

    def day(self, game_date: date, code: int = 0, **variables: str) -> dict[str, Any]:
        """What `tipoff day --json` says of a date, ended with that code."""
        said = self.shell.tipoff("day", "--date", game_date.isoformat(), "--json")
        assert said.code == code, said.out + said.err
        return said.json

    def tools(self, settings: Settings | None = None) -> Tools:
        home = Home(self.root, f"sqlite:///{self.root / 'tipoff.db'}", f"sqlite:///{self.root / 'mlflow.db'}")
        return Tools(home, settings or Settings(), self.engine)

    def count(self, table: sa.Table, *conditions: Any) -> int:
        with self.engine.connect() as connection:
            query = sa.select(sa.func.count()).select_from(table).where(*conditions)
            return int(connection.execute(query).scalar_one())

    def predicted(self, game_date: date) -> int:
        return self.count(predictions, predictions.c.game_date == game_date)

    def alarms(self) -> list[tuple[str, str]]:
        """Name and subject of the day's and its schedule's that stand; the monitors have their own."""
        own = alarms.c.origin.in_(["day", "schedule"])
        query = sa.select(alarms.c.name, alarms.c.subject).where(alarms.c.resolved_at.is_(None), own)
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query.order_by(alarms.c.alarm_id))]

    def runs(self, job: str) -> list[tuple[date, str]]:
        """Date and state of each run of a job, in order."""
        query = sa.select(job_runs.c.game_date, job_runs.c.state).where(job_runs.c.job == job)
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query.order_by(job_runs.c.run_id))]

    def ledger_states(self) -> set[str]:
        with self.engine.connect() as connection:
            return set(connection.scalars(sa.select(ledger.c.state)))


def steps_of(said: dict[str, Any]) -> dict[str, str]:
    """Step -> state, of what `tipoff day --json` said."""
    return {step["name"]: step["state"] for step in said["steps"]}


def detail_of(said: dict[str, Any], name: str) -> str:
    return next(step["detail"] for step in said["steps"] if step["name"] == name)


@pytest.fixture(scope="session")
def league() -> League:
    return League(league_sources(1, 7, n_teams=4, regular_games=20))


@pytest.fixture(scope="session")
def morning(league: League, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, date]:
    """A home in which everything known on a morning is ingested and built, with two versions; and that date."""
    root = tmp_path_factory.mktemp("morning") / "home"
    home = Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")
    root.mkdir()
    today = league.dates[len(league.dates) * 2 // 3]
    made = World(home, open_database(home.database_url), load_feature_set("v2_33features"))
    for kind, frame in league.known(today).items():
        ingest(made.engine, kind, [Source(kind, frame, "0" * 64)], home.rejects)
    backfill(made.engine, made.feature_set, Settings())
    made.register("season_average")
    made.register("xgboost")
    made.move(made.versions()[0], Stage.PRODUCTION)
    with made.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    made.engine.dispose()
    return root, today


@pytest.fixture
def place(morning: tuple[Path, date], league: League, tmp_path: Path, inside_at: Callable[..., Any]) -> Iterator[Place]:
    """A copy of that home, whose sources are files; those of the morning are there."""
    root = tmp_path / "home"
    shutil.copytree(morning[0], root, ignore=shutil.ignore_patterns("models", "artifacts"))
    sources = [{"kind": kind, "path": str(root / "drop" / f"{kind}.parquet")} for kind in KINDS]
    variables = {
        "TIPOFF_DAILY__SOURCES": json.dumps(sources),
        "TIPOFF_COORDINATOR__RETRY_SECONDS": "0",
        "TIPOFF_COORDINATOR__LEASE_SECONDS": "0.5",
    }
    (root / "experiment-ready").write_text(f"sqlite:///{root / 'mlflow.db'}")  # nothing here looks at MLflow
    engine = open_database(f"sqlite:///{root / 'tipoff.db'}")
    made = Place(root, league, morning[1], inside_at(root, **variables), engine)
    made.publish(made.today)
    yield made
    engine.dispose()


@pytest.fixture
def without_files(morning: tuple[Path, date]) -> Callable[[int], Any]:
    """without_files(version) -> in the block the files of that version are gone."""

    @contextmanager
    def gone(version: int) -> Iterator[None]:
        folder = morning[0] / "artifacts" / str(version)
        folder.rename(folder.with_name("gone"))
        try:
            yield
        finally:
            folder.with_name("gone").rename(folder)

    return gone


@pytest.fixture
def failed() -> Callable[..., Outcome]:
    """failed(name, exit_code=1) -> a step that failed."""
    return lambda name, exit_code=1: Outcome(name, "failed", "Why.", exit_code=exit_code)
