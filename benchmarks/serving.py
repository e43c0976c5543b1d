"""`make bench-serving`: the service beside `mlflow models serve` of the same model and a bare FastAPI endpoint.

`python -m benchmarks.serving [--home FOLDER] [--seconds 4]`: FOLDER (default: a temporary one) keeps the simulated
league, its feature table and the model, so that a second run begins at once. Each service runs with one worker on
this machine; they take turns, medians of five; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import polars as pl

from benchmarks.__main__ import machine
from benchmarks.load import client_name, press
from benchmarks.timing import ROUNDS
from contracts.database import open_database
from contracts.home import REGISTERED_MODEL, Home
from contracts.ports import free_port
from features.feature_sets import load_feature_set
from features.table.rows import read_rows
from registry.versions import ModelVersion, production

CONNECTIONS = 8
N_ROWS = 100
UP_SECONDS = 300


def main() -> None:
    """Print requests a second, latencies and their ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--seconds", type=int, default=4)
    asked = parser.parse_args()
    with TemporaryDirectory() as place:
        found = measure(asked.home or Path(place) / "home", asked.seconds)
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))


def measure(root: Path, seconds: int) -> dict[str, float]:
    """The ratios of `make bench-serving`, and the figures that they are made of."""
    home = prepare(root)
    rows, version = slate(home)
    with ExitStack() as stack:
        urls = {name: stack.enter_context(running(start)) for name, start in services(home, version).items()}
        asked = cases(rows, version)
        print(f"{CONNECTIONS} connections of {client_name()}, {ROUNDS} rounds of {seconds} s each; {machine()}")
        rates, tails = _take_turns(urls, asked, seconds)
        batch = _batch_seconds(urls["tipoff"], rows["game_date"][0].isoformat())
    for name, rate in rates.items():
        print(f"{name:16} {rate:8.1f} requests/s   p99 {tails[name] * 1000:7.2f} ms")
    print(f"/predict-batch of {rows.height} rows, warm: {batch * 1000:.1f} ms; {machine()}")
    return {
        "single_vs_mlflow": rates["single tipoff"] / rates["single mlflow"],
        "single_vs_fastapi": rates["single tipoff"] / rates["single fastapi"],
        "rows100_vs_mlflow": rates["rows100 tipoff"] / rates["rows100 mlflow"],
        "rows100_vs_fastapi": rates["rows100 tipoff"] / rates["rows100 fastapi"],
        "ids_vs_features": rates["ids tipoff"] / rates["single tipoff"],
        "single_per_second": rates["single tipoff"],
        "single_p99_ms": tails["single tipoff"] * 1000,
        "batch_ms": batch * 1000,
    }


def prepare(root: Path) -> Home:
    """A home at `root` with two simulated seasons and an xgboost in Production, made unless it is there."""
    home = Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")
    os.environ |= {"TIPOFF_HOME": str(root), "MLFLOW_TRACKING_URI": home.tracking_uri}
    os.environ |= {"MLFLOW_EXPERIMENT_NAME": "tipoff", "MLFLOW_DISABLE_TELEMETRY": "true"}
    engine = open_database(home.database_url) if (root / "tipoff.db").is_file() else None
    live = production(engine) if engine is not None else None
    is_made = live is not None and live.system == "xgboost"
    if not is_made:
        _tipoff("ingest", "simulated", "--seasons", "2", "--seed", "7")
    _tipoff("features", "backfill")
    if not is_made:
        _tipoff("train", "--system", "xgboost")
        _tipoff("promote", "--override", "--reason", "the model that the service is measured with")
    return home


def _tipoff(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "tipoff", *arguments], check=True, stdout=sys.stderr)


def slate(home: Home) -> tuple[pl.DataFrame, ModelVersion]:
    """The rows of the date with most expected player-games, and the version in Production."""
    engine = open_database(home.database_url)
    rows = read_rows(engine, load_feature_set("v2_33features")).filter(pl.col("is_expected"))
    largest = rows.group_by("game_date").len().sort("len", "game_date")["game_date"][-1]
    version = production(engine)
    engine.dispose()
    assert version is not None
    return rows.filter(pl.col("game_date") == largest), version


def services(home: Home, version: ModelVersion) -> dict[str, list[str]]:
    """The command of each service, its port left open."""
    python = sys.executable
    model = f"models:/{REGISTERED_MODEL}/{version.version}"
    file = version.artifact_uri.removeprefix("file://") + "/model.ubj"
    return {
        "tipoff": [python, "-m", "tipoff", "serve", "--port", "{port}"],
        "mlflow": [python, "-m", "mlflow", "models", "serve", "-m", model, "--env-manager", "local", "-p", "{port}"],
        "fastapi": [python, "-m", "benchmarks.bare_fastapi", file, "{port}"],
    }


@contextmanager
def running(command: list[str]) -> Iterator[str]:
    """The address of the service that `command` starts, which answers; it is stopped afterwards."""
    port = free_port()
    given = [part.format(port=port) for part in command]
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(given, env={**os.environ, "PATH": tools, "OMP_NUM_THREADS": "1"}, stdout=sys.stderr)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    """Until it answers anything below 500; raises RuntimeError where it ends or takes too long."""
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{address}/readyz", timeout=2).status_code < 500:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError(f"{address} did not come up")


def cases(rows: pl.DataFrame, version: ModelVersion) -> dict[str, tuple[str, str, str]]:
    """What is asked: name -> (service, path, body). Every service gets the same rows of the same features."""
    values = rows.select(load_feature_set(version.feature_set).names).to_dicts()
    named = {"single": values[:1], "rows100": values[:N_ROWS]}
    ids = [{"player_id": row["player_id"], "game_id": row["game_id"]} for row in rows.head(1).to_dicts()]
    made = {"ids tipoff": ("tipoff", "/predict", {"rows": ids})}
    for size, some in named.items():
        split = {"columns": list(some[0]), "data": [list(row.values()) for row in some]}
        made |= {
            f"{size} tipoff": ("tipoff", "/predict", {"rows": [{"features": row} for row in some]}),
            f"{size} fastapi": ("fastapi", "/predict", {"rows": some}),
            f"{size} mlflow": ("mlflow", "/invocations", {"dataframe_split": split}),
        }
    return {name: (service, path, json.dumps(body)) for name, (service, path, body) in made.items()}


def _take_turns(
    urls: dict[str, str], cases: dict[str, tuple[str, str, str]], seconds: int
) -> tuple[dict[str, float], dict[str, float]]:
    """The median rate and the median 99th percentile of each case; every answer must have been 2xx."""
    rates: dict[str, list[float]] = {name: [] for name in cases}
    tails: dict[str, list[float]] = {name: [] for name in cases}
    for service, path, body in cases.values():
        press(urls[service] + path, body, seconds=1, connections=CONNECTIONS)  # warm
        answer = httpx.post(urls[service] + path, content=body, headers=_JSON, timeout=30).raise_for_status()
        if service == "tipoff" and any(row["error"] for row in answer.json()["predictions"]):
            raise RuntimeError(f"{path} does not predict: {answer.text[:300]}")
    for _ in range(ROUNDS):
        for name, (service, path, body) in cases.items():
            load = press(urls[service] + path, body, seconds=seconds, connections=CONNECTIONS)
            if load.n_failed:
                raise RuntimeError(f"{name}: {load.n_failed} answers failed")
            rates[name].append(load.per_second)
            tails[name].append(load.p99_seconds)
    return {n: statistics.median(each) for n, each in rates.items()}, {
        n: statistics.median(t) for n, t in tails.items()
    }


_JSON = {"Content-Type": "application/json"}


def _batch_seconds(url: str, game_date: str) -> float:
    """The median time of a whole slate, the first answer left out."""
    with httpx.Client(base_url=url, timeout=30) as client:
        spent: list[float] = []
        for _ in range(1 + 4 * ROUNDS):
            started = time.perf_counter()
            answer: Any = client.post("/predict-batch", json={"game_date": game_date}).raise_for_status()
            spent.append(time.perf_counter() - started)
        assert answer.json()["predicted"] > 0
    return statistics.median(spent[1:])


if __name__ == "__main__":
    main()
