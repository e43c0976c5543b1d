"""Whether cost is linear in rows: the backfill of 25 simulated seasons against that of 5, and its peak memory.

`python -m benchmarks.linear` takes some minutes and 3 GB of disk. Every backfill runs in a process of its own, so that
its peak memory is the backfill's and not the simulation's.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.seasons import simulated_database
from contracts.database import open_database
from contracts.settings import load_settings
from features.feature_sets import load_feature_set
from features.table.backfill import backfill

SEASONS = (5, 25)
COMMAND = "benchmarks.linear"


def main() -> None:
    """Print seconds and peak memory of both, then one JSON object of ratios."""
    print(json.dumps(measure()))


def measure() -> dict[str, float]:
    """Rows, seconds and CPU time (less open to load) of 25 against 5; peak_gb_25: resident, 10^9 bytes."""
    few, many = (_of_seasons(n) for n in SEASONS)
    return {
        "rows_25_vs_5": round(many["rows"] / few["rows"], 2),
        "seconds_25_vs_5": round(many["seconds"] / few["seconds"], 2),
        "cpu_25_vs_5": round(many["cpu_seconds"] / few["cpu_seconds"], 2),
        "peak_gb_25": round(many["peak_gb"], 2),
    }


def _of_seasons(n_seasons: int) -> dict[str, float]:
    with TemporaryDirectory() as place:
        path = Path(place) / "tipoff.db"
        subprocess.run([sys.executable, "-m", COMMAND, "simulate", str(path), str(n_seasons)], check=True)
        command = [sys.executable, "-m", COMMAND, "backfill", str(path)]
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    rows, seconds, peak = found["rows"], found["seconds"], found["peak_gb"]
    print(f"{n_seasons} simulated seasons: {rows:,} player-games in {seconds:.1f} s, peak memory {peak:.2f} GB")
    return found


def _backfill(path: str) -> None:
    """In a process of its own: backfill the database, print what it took."""
    report = backfill(open_database(f"sqlite:///{path}"), load_feature_set("v2_33features"), load_settings())
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak_bytes = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    spent = {"seconds": report.seconds, "cpu_seconds": used.ru_utime + used.ru_stime}
    print(json.dumps({"rows": report.rows, "peak_gb": peak_bytes / 1e9, **spent}))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["simulate", path, n_seasons]:
            simulated_database(Path(path), int(n_seasons))
        case ["backfill", path]:
            _backfill(path)
        case _:
            main()
