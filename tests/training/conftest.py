"""A small league, ingested and built once, and feature rows made by hand."""

from __future__ import annotations

import shutil
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa

from contracts.database import open_database
from contracts.feature_set import Feature, FeatureSet
from contracts.home import Home
from contracts.settings import Settings, load_settings

FEW_TREES = "class: systems.xgboost:XGBoost\nparameters: {n_estimators: 40, max_depth: 3, nthread: 1}\n"


@dataclass(frozen=True)
class League:
    """A home with a small league: 6 teams, 36 games each, features built.

    `built` is its database as it was then: tests of other files have registered versions in the league's own since.
    """

    home: Home
    engine: sa.Engine
    settings: Settings
    built: Path


def home_at(root: Path) -> Home:
    root.mkdir(parents=True, exist_ok=True)
    return Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")


@pytest.fixture(scope="session")
def league(tmp_path_factory: pytest.TempPathFactory, make_league: Callable[..., Path]) -> League:
    home = home_at(tmp_path_factory.mktemp("league") / "home")
    made = make_league(home.root, n_teams=6, regular_games=36)
    built = shutil.copy(made, home.root / "as_built.db")
    return League(home, open_database(home.database_url), load_settings(), Path(built))


@pytest.fixture(scope="module")
def conf_files() -> dict[str, str]:
    """What `few_trees` writes, text by path in conf/; a file of tests that wants other trees has one of its own."""
    return {"systems/xgboost.yaml": FEW_TREES}


@pytest.fixture(scope="module")
def few_trees(tmp_path_factory: pytest.TempPathFactory, conf_files: dict[str, str]) -> Iterator[Path]:
    """A conf/ of the file's own, so that fitting takes no time, in force for what is made once a file."""
    conf = tmp_path_factory.mktemp("conf")
    for place, text in conf_files.items():
        (conf / place).parent.mkdir(exist_ok=True)
        (conf / place).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIPOFF_CONF", str(conf))
        yield conf


@pytest.fixture
def conf_in_force(few_trees: Path, _clean_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for each test, whose environment is clean of it."""
    monkeypatch.setenv("TIPOFF_CONF", str(few_trees))


@pytest.fixture
def copied(league: League, tmp_path: Path) -> Callable[[], sa.Engine]:
    """copied() -> a database of the test's own, with all that the league's holds."""

    def copy() -> sa.Engine:
        with league.engine.connect() as source, closing(sqlite3.connect(tmp_path / "copy.db")) as target:
            source.connection.backup(target)
        return open_database(f"sqlite:///{tmp_path / 'copy.db'}")

    return copy


@pytest.fixture(scope="session", autouse=True)
def _mlflow_loaded() -> None:
    """MLflow warns of itself when it is imported and its mappers are made; what our calls cause stays an error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*noload.*", category=sa.exc.SADeprecationWarning)
        warnings.filterwarnings("ignore", message=".*AnyType.*", category=UserWarning)
        import mlflow.pyfunc
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401

        sa.orm.configure_mappers()


def small_set(target: str) -> FeatureSet:
    names = (f"{target}_avg_season", f"{target}_avg_last_10", "home_away", "never_known")
    return FeatureSet("small", tuple(Feature(name, "by_hand", f"Made up: {name}.") for name in names))


@pytest.fixture(scope="session")
def feature_set() -> FeatureSet:
    return small_set("points")


@pytest.fixture(scope="session")
def feature_rows() -> Callable[..., pl.DataFrame]:
    """feature_rows(target='points', n_dates=60, n_players=30) -> rows as the feature table gives them."""

    def make(target: str = "points", n_dates: int = 60, n_players: int = 30, seed: int = 3) -> pl.DataFrame:
        draw = np.random.default_rng(seed)
        skill = draw.gamma(3.0, 4.0, n_players)
        rows: list[dict[str, Any]] = []
        for number in range(n_dates):
            for player in range(n_players):
                played = draw.random() > 0.1
                rows.append(
                    {
                        "game_id": f"00223{number:05d}",
                        "player_id": 1000 + player,
                        "game_date": date(2023, 11, 1) + timedelta(days=number),
                        "state": "played" if played else "absent",
                        "is_expected": True,
                        "n_active_games_season": float(number),
                        "minutes_avg_last_10_active": float(10 + player % 25),
                        "line": skill[player] + 0.5 if player % 3 == 0 else None,
                        f"{target}_avg_season": skill[player] + draw.normal(0, 1) if number else None,
                        f"{target}_avg_last_10": skill[player] + draw.normal(0, 2),
                        "home_away": float(draw.integers(0, 2)),
                        "never_known": None,
                        target: float(draw.poisson(skill[player])) if played else None,
                    }
                )
        return pl.DataFrame(rows, schema_overrides={"never_known": pl.Float64}, infer_schema_length=None)

    return make


@pytest.fixture(scope="session")
def set_of() -> Callable[[str], FeatureSet]:
    """set_of(target) -> the feature set of `feature_rows(target)`."""
    return small_set
