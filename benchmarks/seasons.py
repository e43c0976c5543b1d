"""Databases to measure on: the real seasons where they are, simulated ones elsewhere, ingested and nothing built."""

from __future__ import annotations

import sys
from pathlib import Path

from contracts.database import open_database
from features.raw.ingest import ingest
from features.sources.files import read_file
from features.sources.simulated import league_sources

FILES = {
    "game-logs": "player_game_logs/*.csv.gz",
    "game-lines": "game_lines.parquet",
    "points-lines": "points_lines.parquet",
    "positions": "positions.csv",
    "injuries": "injuries.csv.gz",
}


def real_database(path: Path, folder: Path) -> str:
    """The real seasons of `folder` (three simulated ones where it has none) at `path`; returns what they are."""
    if not (folder / "player_game_logs").is_dir():
        print(f"no real seasons in {folder}: three simulated seasons instead", file=sys.stderr)
        simulated_database(path, 3)
        return "three simulated seasons"
    engine = open_database(f"sqlite:///{path}")
    for kind, pattern in FILES.items():
        ingest(engine, kind, [read_file(file) for file in sorted(folder.glob(pattern))], path.parent)
    engine.dispose()
    return "the five real seasons"


def simulated_database(path: Path, n_seasons: int, seed: int = 7) -> None:
    """`n_seasons` simulated seasons, the last one starting in 2026, at `path`."""
    engine = open_database(f"sqlite:///{path}")
    for kind, source in league_sources(n_seasons, seed, first_season=2027 - n_seasons).items():
        ingest(engine, kind, [source], path.parent)
    engine.dispose()
