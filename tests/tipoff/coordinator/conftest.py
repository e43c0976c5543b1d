"""What the coordinator's tests share: a built league with real versions, and expectations made by hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.database import open_database
from contracts.home import Home
from contracts.settings import CoordinatorSettings, Settings
from contracts.tables import batch_digests, batches, dead_letters, event_deliveries, ledger, outbox, predictions
from features.feature_sets import load_feature_set
from registry.stages import Stage
from tests.serving.conftest import World
from tipoff.coordinator.app import Endpoints
from tipoff.coordinator.batches import Batch, open_batch
from tipoff.coordinator.board import Outlook
from tipoff.coordinator.desk import Desk
from tipoff.coordinator.expectation import Expectation, ExpectedRow
from tipoff.coordinator.gauges import Gauges
from tipoff.coordinator.ledger import Claim, End

DAY = date(2024, 3, 1)
SYSTEMS = ("season_average", "last_10_average", "xgboost")


@pytest.fixture(scope="session")
def trained(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the league of four teams and a version of three systems, season_average in Production."""
    root = tmp_path_factory.mktemp("trained")
    shutil.copy(built, root / "tipoff.db")
    made = _world(root)
    for system in SYSTEMS:
        made.register(system)
    made.move(made.versions()[0], Stage.PRODUCTION)
    with made.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    made.engine.dispose()
    return root


@pytest.fixture
def world(trained: Path, tmp_path: Path) -> Iterator[World]:
    """A copy of that home for one test."""
    root = tmp_path / "home"
    root.mkdir()
    shutil.copy(trained / "tipoff.db", root / "tipoff.db")
    made = _world(root)
    yield made
    made.engine.dispose()


@pytest.fixture
def game_date(world: World) -> date:
    """The latest date whose slate has lines."""
    day: date = world.slate()["game_date"][0]
    return day


@pytest.fixture
def settings() -> Settings:
    """Retries at once, leases of half a second."""
    return Settings(coordinator=CoordinatorSettings(retry_seconds=0, lease_seconds=0.5, poll_seconds=0.05))


@pytest.fixture
def make_front(world: World, settings: Settings) -> Callable[..., Endpoints]:
    """make_front(limits=..., token=None, health=...) -> the endpoints over that home; nobody works on the batches."""

    def make(
        limits: CoordinatorSettings | None = None,
        token: str | None = None,
        health: Callable[[], str | None] = lambda: None,
        engine: sa.Engine | None = None,
    ) -> Endpoints:
        database = engine or world.engine
        desk = Desk(database, settings, wake=lambda: None)
        outlook = Outlook(database, settings, health)
        return Endpoints(desk, outlook, Gauges(database), limits or CoordinatorSettings(), token, health)

    return make


@pytest.fixture(scope="session")
def server(new_postgres: Callable[[], str]) -> Iterator[sa.Engine]:
    """A PostgreSQL database at the newest migration."""
    engine = open_database(new_postgres())
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, engine: sa.Engine) -> sa.Engine:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return engine
    server: sa.Engine = request.getfixturevalue("server")
    with server.begin() as connection:
        protected = "ALTER TABLE batch_digests {} TRIGGER batch_digests_append_only"
        connection.exec_driver_sql(protected.format("DISABLE"))
        for table in (batch_digests, dead_letters, ledger, batches, predictions, event_deliveries, outbox):
            connection.execute(sa.delete(table))
        connection.exec_driver_sql(protected.format("ENABLE"))
    return server


@pytest.fixture(scope="session")
def make_expectation() -> Callable[..., Expectation]:
    """make_expectation(n_players=4, systems=("a",), inputs_hash="1", day=DAY) -> what a batch is about, by hand."""

    def make(
        n_players: int = 4, systems: Sequence[str] = ("a",), inputs_hash: str = "1", day: date = DAY
    ) -> Expectation:
        rows = [
            ExpectedRow(system, 1, "0022300001", player) for system in systems for player in range(1, n_players + 1)
        ]
        return Expectation(day, rows, inputs_hash)

    return make


@pytest.fixture
def batch(database: sa.Engine, make_expectation: Callable[..., Expectation]) -> Batch:
    """A batch of four player-games of one system, all waiting."""
    return open_batch(database, make_expectation())[0]


@pytest.fixture(scope="session")
def predicted() -> Callable[[Claim], dict[Any, End]]:
    """predicted(claim) -> an end with a prediction for each of its rows."""

    def ends(held: Claim) -> dict[Any, End]:
        return {key: End(prediction=prediction(held, key)) for key in held.keys}

    return ends


def prediction(held: Claim, key: tuple[str, int]) -> dict[str, Any]:
    """A row of contracts.tables.predictions."""
    return {
        "game_date": held.game_date,
        "game_id": key[0],
        "player_id": key[1],
        "system": held.system,
        "model_version": held.model_version,
        "model_sha256": "a" * 64,
        "train_to": None,
        "feature_set": "f",
        "build_id": 1,
        "target": "points",
        "predicted": 10.0,
        "interval_low": 5.0,
        "interval_high": 15.0,
        "line": None,
        "over_probability": None,
        "predicted_at": datetime(2024, 3, 1, 12, tzinfo=UTC),
    }


@pytest.fixture(scope="session")
def look() -> Callable[[sa.Engine], Any]:
    """look(engine) -> (state -> rows of the ledger, stored predictions, dead letters)."""

    def counted(engine: sa.Engine) -> tuple[dict[str, int], int, int]:
        count = sa.func.count()
        with engine.connect() as connection:
            states = dict(connection.execute(sa.select(ledger.c.state, count).group_by(ledger.c.state)).all())
            n_said = connection.execute(sa.select(count).select_from(predictions)).scalar_one()
            n_dead = connection.execute(sa.select(count).select_from(dead_letters)).scalar_one()
        return states, n_said, n_dead

    return counted


def _world(root: Path) -> World:
    home = Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")
    return World(home, open_database(home.database_url), load_feature_set("v2_33features"))
