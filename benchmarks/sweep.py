"""What pruning saves: one sweep with it and one without, on the same rows, trials and workers.

`python -m benchmarks.sweep --home FOLDER [--system xgboost] [--trials 50] [--workers 2] [--from DATE]`: FOLDER is a
TIPOFF_HOME with a feature table; studies and runs go into homes of their own. Wanted: at most half the time, a best
value no worse than 0.2 %, and user time of 90 % and more of all cores while trials run. Processor time says more than
the clock where others load the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import psutil

LOOK_SECONDS = 0.5


def main() -> None:
    """Sweep twice and print what it took."""
    given = _arguments()
    print(json.dumps(measure(given.home / "tipoff.db", given.system, given.trials, given.workers, given.date_from)))


def measure(
    database: Path, system: str = "xgboost", n_trials: int = 50, n_workers: int = 2, date_from: str | None = None
) -> dict[str, float]:
    """sweep_pruned_s, sweep_whole_s, the same as _cpu_s and _best, and the user_share of each while trials ran."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="tipoff-bench-") as scratch:
        for name, pruning in (("pruned", True), ("whole", False)):
            home = Path(scratch) / name
            home.mkdir()
            shutil.copy(database, home / "tipoff.db")
            options = ["--system", system, "--trials", str(n_trials), "--workers", str(n_workers)]
            options += ["--train-from", date_from] if date_from else []
            said = _measure(home, options, pruning=pruning)
            found |= {f"sweep_{name}_{key}": value for key, value in said.items()}
    time_ratio = found["sweep_pruned_cpu_s"] / found["sweep_whole_cpu_s"]
    value_ratio = found["sweep_pruned_best"] / found["sweep_whole_best"]
    print(
        f"{n_trials} trials of {system} with pruning take {time_ratio:.3f} of the processor time of as many without; "
        f"best with over best without {value_ratio:.4f}; user time of all cores "
        f"while trials ran {found['sweep_pruned_user_share']:.0%} and {found['sweep_whole_user_share']:.0%}"
    )
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--system", default="xgboost")
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--from", dest="date_from", help="learn from this date on: a smaller matrix")
    return parser.parse_args()


def _measure(home: Path, options: list[str], *, pruning: bool) -> dict[str, float]:
    """The whole command, start and refit included: clock and processor time; and the user share while trials ran."""
    command = [sys.executable, "-m", "tipoff", "sweep", "--no-register", "--json", *options]
    chosen = {"TIPOFF_HOME": str(home), "TIPOFF_TRAINING__PRUNING": str(pruning).lower()}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(command, env=os.environ | chosen, stdout=subprocess.PIPE, text=True) as process:
        spent = _watch(process)
        told = process.communicate()[0]
    if process.returncode != 0:
        raise RuntimeError(f"`tipoff sweep` ended with {process.returncode}")
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    said = json.loads(told.strip().splitlines()[-1])
    first, last = _trials_ran(home)
    at, user = np.array(spent).T
    busy = float(np.diff(np.interp([first, last], at, user))[0])
    return {
        "s": seconds,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "user_share": busy / (last - first) / len(os.sched_getaffinity(0)),
        "best": said["best_value"],
        "pruned": said["pruned"],
    }


def _watch(process: subprocess.Popen[str]) -> list[tuple[float, float]]:
    """Until it ends: (seconds since 1970, user seconds so far of it and of every process that it has started)."""
    conductor = psutil.Process(process.pid)
    spent: dict[int, float] = {}
    looks: list[tuple[float, float]] = []
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            for one in [conductor, *conductor.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    spent[one.pid] = one.cpu_times().user
        looks.append((time.time(), sum(spent.values())))
        time.sleep(LOOK_SECONDS)
    return looks


def _trials_ran(home: Path) -> tuple[float, float]:
    """When the first trial began and the last one ended, by their runs: seconds since 1970."""
    ran = "SELECT MIN(start_time), MAX(end_time) FROM runs JOIN tags USING (run_uuid) WHERE tags.key = 'trial'"
    with closing(sqlite3.connect(home / "mlflow.db")) as store:
        first, last = store.execute(ran).fetchone()
    return first / 1000, last / 1000


if __name__ == "__main__":
    main()
