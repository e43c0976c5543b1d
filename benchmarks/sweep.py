"""What pruning saves: one sweep with it and one without, on the same rows, trials and workers.

`python -m benchmarks.sweep --home FOLDER [--system xgboost] [--trials 50] [--workers 2] [--from DATE]`: FOLDER is a
TIPOFF_HOME with a feature table; studies and runs go into homes of their own. Wanted: at most half the time, a best
value no worse than 0.2 %, and user time of 90 % and more of all cores. Processor time says more than the clock where
others load the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Sweep twice and print what it took."""
    given = _arguments()
    print(json.dumps(measure(given.home / "tipoff.db", given.system, given.trials, given.workers, given.date_from)))


def measure(
    database: Path, system: str = "xgboost", n_trials: int = 50, n_workers: int = 2, date_from: str | None = None
) -> dict[str, float]:
    """sweep_pruned_s, sweep_whole_s, the same as _cpu_s and _best, and the user_share of each."""
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
        f"{found['sweep_pruned_user_share']:.0%} and {found['sweep_whole_user_share']:.0%}"
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
    """The whole command, starting and refitting included: clock, processor time, user time over that of all cores."""
    command = [sys.executable, "-m", "tipoff", "sweep", "--no-register", "--json", *options]
    chosen = {"TIPOFF_HOME": str(home), "TIPOFF_TRAINING__PRUNING": str(pruning).lower()}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=os.environ | chosen, stdout=subprocess.PIPE, text=True, check=True)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    said = json.loads(done.stdout.strip().splitlines()[-1])
    user = after.ru_utime - before.ru_utime
    return {
        "s": seconds,
        "cpu_s": user + after.ru_stime - before.ru_stime,
        "user_share": user / seconds / len(os.sched_getaffinity(0)),
        "best": said["best_value"],
        "pruned": said["pruned"],
    }


if __name__ == "__main__":
    main()
