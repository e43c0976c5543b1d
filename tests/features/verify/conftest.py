"""The small league in a database, ingested and built once, for what looks at stored rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts import clock, tables
from contracts.database import insert_frame, open_database, writing
from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from features.feature_sets import load_feature_set
from features.raw.facts import RawFacts
from features.table.backfill import backfill

RAW = ("teams", "players", "games", "player_games", "shot_zones", "game_lines", "points_lines", "injuries")


@pytest.fixture(scope="session")
def feature_set() -> FeatureSet:
    return load_feature_set("v2_33features")


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings()


@pytest.fixture(scope="session")
def built_file(
    tmp_path_factory: pytest.TempPathFactory, small_league: RawFacts, feature_set: FeatureSet, settings: Settings
) -> Path:
    file = tmp_path_factory.mktemp("verified") / "league.db"
    engine = open_database(f"sqlite:///{file}")
    write_raw(engine, small_league)
    backfill(engine, feature_set, settings)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")  # all in the one file, so that it can be copied
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
    return file


@pytest.fixture
def built_database(tmp_path: Path, built_file: Path) -> Iterator[sa.Engine]:
    """The small league ingested and built once."""
    shutil.copy(built_file, tmp_path / "league.db")
    engine = open_database(f"sqlite:///{tmp_path / 'league.db'}")
    yield engine
    engine.dispose()


def write_raw(engine: sa.Engine, raw: RawFacts) -> None:
    """Raw facts as an ingest leaves them."""
    with writing(engine) as connection:
        for name in RAW:
            insert_frame(connection, tables.metadata.tables[name], getattr(raw, name))
        for kind in sorted(raw.ingested):
            connection.execute(
                sa.insert(tables.ingests).values(
                    kind=kind, source="test", sha256="", n_rows=1, n_changed=0, n_rejected=0, ingested_at=clock.now()
                )
            )
