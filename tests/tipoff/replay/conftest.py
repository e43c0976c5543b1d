"""A small season that is over, in a home with versions of which some learned before its last weeks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.database import open_database
from contracts.home import Home
from contracts.settings import Settings
from contracts.tables import games, predictions
from features.feature_sets import load_feature_set
from features.raw.facts import RawFacts, read_raw
from registry.stages import Stage
from tests.serving.conftest import World
from tipoff.replay.outcome import Replay
from tipoff.replay.replay import replay
from tipoff.wiring import Wiring

N_DAYS = 3


@dataclass
class Over:
    """The home, the season's dates, and a way to replay some of them."""

    world: World
    shell: Any

    @property
    def dates(self) -> list[date]:
        with self.world.engine.connect() as connection:
            return list(connection.scalars(sa.select(games.c.game_date).distinct().order_by(games.c.game_date)))

    @property
    def days(self) -> list[date]:
        """Three game dates in a row, two thirds through the season."""
        start = len(self.dates) * 2 // 3
        return self.dates[start : start + N_DAYS]

    @property
    def wiring(self) -> Wiring:
        return Wiring(self.world.home, Settings(), self.world.engine)

    def raw(self) -> RawFacts:
        with self.world.engine.connect() as connection:
            return read_raw(connection)

    def replay(self, first: date | None = None, last: date | None = None, may_train: bool = False) -> Replay:
        return replay(
            self.wiring,
            first or self.days[0],
            last or self.days[-1],
            may_train=may_train,
            progress=lambda _done, _total: None,
            now=lambda _step: None,
        )


def said_in(played: Replay) -> dict[tuple[str, int], float]:
    """What the twin of a replay predicted, by player-game."""
    engine = open_database(f"sqlite:///{played.database}")
    with engine.connect() as connection:
        found = {(row.game_id, row.player_id): row.predicted for row in connection.execute(sa.select(predictions))}
    engine.dispose()
    return found


@pytest.fixture(scope="session")
def season(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with version 1 (xgboost, learned up to the eve of the replayed days), 2 (average), 3 (learned all)."""
    root = tmp_path_factory.mktemp("season") / "home"
    root.mkdir()
    shutil.copy(built, root / "tipoff.db")
    made = _world(root)
    eve = Over(made, None).days[0] - timedelta(days=1)
    made.register("xgboost", train_to=eve)
    made.register("season_average")
    made.register("xgboost", seed=8)
    made.move(made.versions()[2], Stage.PRODUCTION)
    with made.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    made.engine.dispose()
    return root


@pytest.fixture
def over(season: Path, tmp_path: Path, inside_at: Callable[..., Any]) -> Iterator[Over]:
    """A copy of that home."""
    root = tmp_path / "home"
    shutil.copytree(season, root, ignore=shutil.ignore_patterns("models", "artifacts"))
    (root / "experiment-ready").write_text(f"sqlite:///{root / 'mlflow.db'}")  # nothing here looks at MLflow
    made = Over(_world(root), inside_at(root))
    yield made
    made.world.engine.dispose()


def _world(root: Path) -> World:
    home = Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")
    return World(home, open_database(home.database_url), load_feature_set("v2_33features"))
