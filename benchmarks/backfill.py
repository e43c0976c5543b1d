"""The full backfill against a bare executemany of the same rows, and the windows against pandas, in one run.

`python -m benchmarks.backfill [--data FOLDER]`: FOLDER holds real seasons (default TIPOFF_TEST_DATA, else
../shared/data); without them three simulated seasons are used. The last line is one JSON object of ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import polars as pl
import sqlalchemy as sa

from contracts.database import open_database
from contracts.settings import Settings
from features.builders.compute import compute
from features.builders.windows import Past
from features.feature_sets import load_feature_set
from features.raw.facts import RawFacts, read_raw
from features.raw.ingest import ingest
from features.sources.files import read_file
from features.sources.simulated import league_sources
from features.table.backfill import backfill

ROUNDS = 3
WINDOW_COLUMNS = ("points", "minutes", "fga", "fg3a", "fta")
FILES = {
    "game-logs": "player_game_logs/*.csv.gz",
    "game-lines": "game_lines.parquet",
    "points-lines": "points_lines.parquet",
    "positions": "positions.csv",
    "injuries": "injuries.csv.gz",
}


def main() -> None:
    """Print seconds and ratios, medians of the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(os.environ.get("TIPOFF_TEST_DATA") or "../shared/data")
    parser.add_argument("--data", type=Path, default=default)
    folder: Path = parser.parse_args().data
    with TemporaryDirectory() as place:
        engine = open_database(f"sqlite:///{place}/tipoff.db")
        _ingest(engine, folder, Path(place))
        with engine.connect() as connection:
            raw = read_raw(connection)
        print(f"{raw.player_games.height:,} player-games; medians of {ROUNDS} rounds")
        full = _backfill_seconds(engine)
        frames = compute(raw, load_feature_set("v2_33features"), Settings().features)
        bare = _median(lambda: _executemany(frames, Path(place)))
        windows = _median(lambda: _windows(raw))
        pandas_windows = _median(lambda: _pandas_windows(raw))
    ratios = {"backfill_vs_executemany": full / bare, "pandas_vs_windows": pandas_windows / windows}
    print(f"full backfill {full:.1f} s, bare executemany of the same rows {bare:.1f} s")
    print(f"windows {windows:.2f} s, the same by pandas groupby-rolling {pandas_windows:.2f} s")
    print(json.dumps({name: round(value, 2) for name, value in ratios.items()}))


def _ingest(engine: sa.Engine, folder: Path, place: Path) -> None:
    if (folder / "player_game_logs").is_dir():
        for kind, pattern in FILES.items():
            ingest(engine, kind, [read_file(path) for path in sorted(folder.glob(pattern))], place)
        return
    print(f"no real seasons in {folder}: three simulated seasons instead", file=sys.stderr)
    for kind, source in league_sources(3, 7).items():
        ingest(engine, kind, [source], place)


def _backfill_seconds(engine: sa.Engine) -> float:
    """The first is into an empty table, as a user meets it: it is not repeated."""
    return backfill(engine, load_feature_set("v2_33features"), Settings()).seconds


def _executemany(frames: dict[str, pl.DataFrame], place: Path) -> None:
    """The rows of all five builders into plain tables by sqlite3 alone."""
    path = place / "bare.db"
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    for name, frame in frames.items():
        rows = frame.with_columns(pl.col(pl.Date).cast(pl.String), pl.col(pl.Boolean).cast(pl.Int64)).rows()
        names = ", ".join(f'"{column}"' for column in frame.columns)
        connection.execute(f'CREATE TABLE "{name}" ({names})')
        connection.executemany(f'INSERT INTO "{name}" VALUES ({", ".join("?" * frame.width)})', rows)  # noqa: S608
    connection.commit()
    connection.close()


def _windows(raw: RawFacts) -> None:
    events = raw.player_games.filter(pl.col("minutes") > 0)
    past = Past(events, raw.player_games, ["player_id"])
    for n in (3, 5, 10, 20):
        window = past.last(n, within_days=365)
        for column in WINDOW_COLUMNS:
            window.mean(column)


def _pandas_windows(raw: RawFacts) -> None:
    frame: pd.DataFrame = raw.player_games.filter(pl.col("minutes") > 0).to_pandas().sort_values("game_date")
    grouped = frame.groupby("player_id")
    for n in (3, 5, 10, 20):
        for column in WINDOW_COLUMNS:
            grouped[column].rolling(n, min_periods=1, closed="left").mean()


def _median(work: Callable[[], None]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
