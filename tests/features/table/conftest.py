"""Databases for the tests of the store: the small league's raw facts, unbuilt and built once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from contracts import clock, tables
from contracts.database import insert_frame, open_database, read_frame, writing
from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from features.builders.compute import BUILDERS
from features.feature_sets import load_feature_set
from features.raw.facts import RawFacts
from features.table.backfill import backfill
from features.table.versioned_rows import builder_table, key_columns, payload_columns

RAW = ("teams", "players", "games", "player_games", "shot_zones", "game_lines", "points_lines", "injuries")


@pytest.fixture(scope="session")
def write_raw() -> Callable[[sa.Engine, RawFacts], None]:
    """Writes raw facts as an ingest leaves them."""
    return _write_raw


def _write_raw(engine: sa.Engine, raw: RawFacts) -> None:
    """Raw facts as an ingest leaves them."""
    with writing(engine) as connection:
        for name in RAW:
            insert_frame(connection, tables.metadata.tables[name], getattr(raw, name))
        for kind in sorted(raw.ingested):
            connection.execute(
                sa.insert(tables.ingests).values(
                    kind=kind, source="test", sha256="", n_rows=0, n_changed=0, n_rejected=0, ingested_at=clock.now()
                )
            )


@pytest.fixture(scope="session")
def feature_set() -> FeatureSet:
    return load_feature_set("v2_33features")


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings()


@pytest.fixture(scope="session")
def raw_file(tmp_path_factory: pytest.TempPathFactory, small_league: RawFacts) -> Path:
    file = tmp_path_factory.mktemp("raw") / "league.db"
    engine = open_database(f"sqlite:///{file}")
    _write_raw(engine, small_league)
    _close(engine)
    return file


@pytest.fixture(scope="session")
def built_file(
    tmp_path_factory: pytest.TempPathFactory, raw_file: Path, feature_set: FeatureSet, settings: Settings
) -> Path:
    file = tmp_path_factory.mktemp("built") / "league.db"
    shutil.copy(raw_file, file)
    engine = open_database(f"sqlite:///{file}")
    backfill(engine, feature_set, settings)
    _close(engine)
    return file


@pytest.fixture
def raw_database(tmp_path: Path, raw_file: Path) -> Iterator[sa.Engine]:
    """The small league ingested, nothing built."""
    yield from _copy(raw_file, tmp_path)


@pytest.fixture
def built_database(tmp_path: Path, built_file: Path) -> Iterator[sa.Engine]:
    """The small league ingested and built once."""
    yield from _copy(built_file, tmp_path)


@pytest.fixture(scope="session")
def current(feature_set: FeatureSet) -> Callable[[sa.Engine], dict[str, pl.DataFrame]]:
    """What every builder's table says now, and the units, without the marks of when it was written."""
    return lambda engine: _current_rows(engine, feature_set)


@pytest.fixture(scope="session")
def built_database_rows(
    built_file: Path, current: Callable[[sa.Engine], dict[str, pl.DataFrame]]
) -> dict[str, pl.DataFrame]:
    """The same of the small league, built once and undisturbed."""
    engine = sa.create_engine(f"sqlite:///{built_file}")
    rows = current(engine)
    engine.dispose()
    return rows


def _current_rows(engine: sa.Engine, feature_set: FeatureSet) -> dict[str, pl.DataFrame]:
    rows = {}
    with engine.connect() as connection:
        for builder in BUILDERS:
            table = builder_table(builder, feature_set)
            query = sa.select(*(table.c[name] for name in (*payload_columns(table), "row_hash")))
            rows[builder] = read_frame(connection, query.where(table.c.to_build.is_(None))).sort(key_columns(table))
        units = tables.build_units
        names = ("builder", "game_date", "inputs_hash", "code_hash", "feature_set_hash", "n_rows")
        rows["units"] = read_frame(connection, sa.select(*(units.c[name] for name in names))).sort(names)
    return rows


def _copy(file: Path, folder: Path) -> Iterator[sa.Engine]:
    shutil.copy(file, folder / "league.db")
    engine = open_database(f"sqlite:///{folder / 'league.db'}")
    yield engine
    engine.dispose()


def _close(engine: sa.Engine) -> None:
    """Everything in the one file, so that it can be copied."""
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
