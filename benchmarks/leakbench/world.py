"""The world in which plants are tried: a small league with every corner, its true rows and their oracle."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from contracts import clock, tables
from contracts.database import insert_frame, open_database, writing
from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings, Settings
from features.builders.compute import BUILDERS, compute
from features.feature_sets import load_feature_set
from features.raw.facts import RawFacts
from features.table.backfill import backfill
from features.verify.oracle import Answer, ask

STORE = BUILDERS[-1]
KEY = ("game_id", "player_id")
_RAW = ("teams", "players", "games", "player_games", "shot_zones", "game_lines", "points_lines", "injuries")
_LEAGUE = Path(__file__).resolve().parents[2] / "tests" / "features" / "conftest.py"


@dataclass(frozen=True)
class World:
    """Raw facts, the rows that the builders make of them as they are, and what the oracle says of these."""

    raw: RawFacts
    feature_set: FeatureSet
    settings: FeatureSettings
    rows: pl.DataFrame
    answer: Answer
    cut_date: date

    def ask(self, rows: pl.DataFrame) -> Answer:
        """The oracle's answer about `rows`."""
        same = rows.select(KEY).equals(self.rows.select(KEY))
        return self.answer if same else ask(self.raw, rows, self.feature_set, self.settings)


def make_world(name: str = "v2_33features") -> World:
    """The small league of the builders' tests in a feature set: tests and plants are tried on the same one."""
    spec = importlib.util.spec_from_file_location("leakbench_league", _LEAGUE)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(_LEAGUE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    raw: RawFacts = module.League(seed=11).facts()
    feature_set, settings = load_feature_set(name), FeatureSettings()
    rows = compute(raw, feature_set, settings)[STORE]
    lined = raw.player_games.join(raw.points_lines.select("game_id").unique(), on="game_id", how="semi")
    days = lined["game_date"].unique().sort()
    return World(raw, feature_set, settings, rows, ask(raw, rows, feature_set, settings), days[len(days) // 2])


def build_database(raw: RawFacts, feature_set: FeatureSet, file: Path) -> None:
    """`raw` ingested into the SQLite file `file`, and the feature table built of it: all in the one file."""
    engine = open_database(f"sqlite:///{file}")
    with writing(engine) as connection:
        for name in _RAW:
            insert_frame(connection, tables.metadata.tables[name], getattr(raw, name))
        same = {"source": "league", "sha256": "", "n_rows": 1, "n_changed": 0, "n_rejected": 0}
        kinds = [{"kind": kind, "ingested_at": clock.now(), **same} for kind in sorted(raw.ingested)]
        connection.execute(sa.insert(tables.ingests), kinds)
    backfill(engine, feature_set, Settings())
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
