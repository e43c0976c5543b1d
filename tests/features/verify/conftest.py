"""The small league in a database, ingested and built once, for what looks at stored rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks.leakbench.world import build_database
from contracts.database import open_database
from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from features.feature_sets import load_feature_set
from features.raw.facts import RawFacts


@pytest.fixture(scope="session")
def feature_set() -> FeatureSet:
    return load_feature_set("v2_33features")


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings()


@pytest.fixture(scope="session")
def built_file(tmp_path_factory: pytest.TempPathFactory, small_league: RawFacts, feature_set: FeatureSet) -> Path:
    file = tmp_path_factory.mktemp("verified") / "league.db"
    build_database(small_league, feature_set, file)
    return file


@pytest.fixture
def built_database(tmp_path: Path, built_file: Path) -> Iterator[sa.Engine]:
    """The small league ingested and built once."""
    shutil.copy(built_file, tmp_path / "league.db")
    engine = open_database(f"sqlite:///{tmp_path / 'league.db'}")
    yield engine
    engine.dispose()
