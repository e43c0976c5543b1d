"""`make bench`: speed and memory, each beside a named reference in the same run; the last line is one JSON object.

`python -m benchmarks [--data FOLDER] [--no-linear] [--no-training] [--write]`: FOLDER holds the real seasons (default
TIPOFF_TEST_DATA, else ../shared/data); `--no-linear` leaves the 25 simulated seasons out,
`--no-training` trainings and sweeps; `--write` writes docs/speed.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from benchmarks import linear, sweep, table, training, windows
from benchmarks.page import speed_page
from benchmarks.seasons import real_database
from benchmarks.timing import ROUNDS
from contracts.database import open_database
from features.raw.facts import read_raw

SWEPT_FROM = "2022-07-01"
"""Two seasons are enough to tell what pruning saves, in minutes and not in hours."""


def main() -> None:
    """Print seconds and ratios, medians of five."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TIPOFF_TEST_DATA") or "../shared/data"))
    parser.add_argument("--no-linear", action="store_true")
    parser.add_argument("--no-training", action="store_true")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    with TemporaryDirectory() as place:
        raw = Path(place) / "raw.db"
        seasons = real_database(raw, asked.data)
        told = f"{seasons}, medians of {ROUNDS}; {machine()}"
        print(told)
        found = windows.measure(_player_games(raw)) | table.measure(raw)
        if not asked.no_training:
            full = raw.with_name("full.db")
            found |= training.measure(full) | sweep.measure(full, date_from=SWEPT_FROM)
    if not asked.no_linear:
        found |= linear.measure()
    print(f"at the end: {machine()}")
    if asked.write:
        (Path(__file__).parents[1] / "docs" / "speed.md").write_text(speed_page(found, told))
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))


def machine() -> str:
    """Cores, load and SQLite's version: what the figures belong to."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, SQLite {sqlite3.sqlite_version}"


def _player_games(raw: Path) -> pl.DataFrame:
    engine = open_database(f"sqlite:///{raw}")
    with engine.connect() as connection:
        player_games = read_raw(connection).player_games
    engine.dispose()
    return player_games


if __name__ == "__main__":
    main()
