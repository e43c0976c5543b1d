"""The feature table: a full backfill against a bare executemany, one more date, and the training matrix read."""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import time
from datetime import date
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from benchmarks.timing import ROUNDS, median_seconds
from contracts.database import open_database
from contracts.settings import load_settings
from features.builders.compute import compute
from features.feature_sets import load_feature_set
from features.raw.facts import read_raw
from features.table.backfill import BackfillReport, backfill
from features.table.rows import read_rows
from features.table.snapshot import read_snapshot

SET = load_feature_set("v2_33features")


def measure(raw: Path) -> dict[str, float]:
    """Seconds and ratios of what is built on copies of the raw database `raw`, in its folder."""
    return _full_backfill(raw) | _matrix(raw.with_name("full.db")) | _one_more_date(raw)


def _full_backfill(raw: Path) -> dict[str, float]:
    full, bare = raw.with_name("full.db"), raw.with_name("bare.db")
    engine = _engine(raw)
    with engine.connect() as connection:
        frames = compute(read_raw(connection), SET, load_settings().features)
    engine.dispose()

    def build() -> None:
        _copy(raw, full)
        _backfill(full)

    ours, theirs = median_seconds(build, lambda: _execute_many(frames, bare))
    n_rows = sum(frame.height for frame in frames.values())
    print(f"full backfill of {n_rows:,} rows {ours:.2f} s, bare executemany of the same rows {theirs:.2f} s")
    return {"backfill_s": ours, "executemany_s": theirs, "backfill_vs_executemany": ours / theirs}


def _one_more_date(raw: Path) -> dict[str, float]:
    """Five times the next of the last five dates: its games and box scores arrive, and it is built."""
    path = raw.with_name("daily.db")
    _copy(raw, path)
    days = _last_dates(path)
    with sqlite3.connect(path) as connection:
        for table in ("games", "player_games"):
            connection.execute(f"DELETE FROM {table} WHERE game_date >= ?", (days[0],))  # noqa: S608 names of ours
    _backfill(path)
    seconds = []
    for day in days:
        _arrive(raw, path, day)
        started = time.perf_counter()
        report = _backfill(path)
        seconds.append(time.perf_counter() - started)
        assert report.dates == 1, f"{report.dates} dates were built for {day}"
    median = statistics.median(seconds)
    print(f"one more date {median:.2f} s")
    return {"one_date_s": median}


def _matrix(full: Path) -> dict[str, float]:
    """All rows by 33 features, with the rows' keys."""
    key = ["game_date", "game_id", "player_id"]
    engine, parquet, names = _engine(full), full.with_suffix(".parquet"), [*key, *SET.names]
    read_rows(engine, SET, columns=names).write_parquet(parquet)
    query = f"SELECT {', '.join(names)} FROM ml_feature_store_{SET.name}"  # noqa: S608 names are the set's own
    connection = sqlite3.connect(full)
    snapshots = full.parent / "snapshots"
    first, again, bare, columns = median_seconds(
        lambda: read_rows(engine, SET, columns=names),
        lambda: read_snapshot(engine, SET, folder=snapshots, columns=names),
        lambda: connection.execute(query).fetchall(),
        lambda: pl.read_parquet(parquet),
    )
    connection.close()
    engine.dispose()
    print(f"training matrix {first:.2f} s by SQL (a build's first reader), {again:.3f} s by its snapshot (all others)")
    print(f"sqlite3 alone (tuples) {bare:.2f} s, Parquet by Polars {columns:.3f} s")
    return {"matrix_first_s": first, "matrix_s": again, "sqlite3_s": bare, "parquet_s": columns}


def _execute_many(frames: dict[str, pl.DataFrame], path: Path) -> None:
    """The rows of all five builders into plain tables by sqlite3 alone."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    for name, frame in frames.items():
        rows = frame.with_columns(pl.col(pl.Date).cast(pl.String), pl.col(pl.Boolean).cast(pl.Int64)).rows()
        names = ", ".join(f'"{column}"' for column in frame.columns)
        connection.execute(f'CREATE TABLE "{name}" ({names})')
        connection.executemany(f'INSERT INTO "{name}" VALUES ({", ".join("?" * frame.width)})', rows)  # noqa: S608
    connection.commit()
    connection.close()


def _backfill(path: Path) -> BackfillReport:
    engine = _engine(path)
    report = backfill(engine, SET, load_settings())
    engine.dispose()
    return report


def _last_dates(path: Path) -> list[date]:
    query = f"SELECT DISTINCT game_date FROM player_games ORDER BY game_date DESC LIMIT {ROUNDS}"  # noqa: S608 a number
    with sqlite3.connect(path) as connection:
        return sorted(day for (day,) in connection.execute(query))


def _arrive(raw: Path, path: Path, day: date) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("ATTACH ? AS source", (str(raw),))
        for table in ("games", "player_games"):
            connection.execute(f"INSERT INTO {table} SELECT * FROM source.{table} WHERE game_date = ?", (day,))  # noqa: S608


def _copy(raw: Path, path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    shutil.copy(raw, path)


def _engine(path: Path) -> sa.Engine:
    return open_database(f"sqlite:///{path}")
