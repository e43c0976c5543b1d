"""What pruning saves: one sweep with it and one without, on the same rows, trials and workers.

`python -m benchmarks.sweep --home FOLDER --system xgboost --trials 50 --workers 2`: FOLDER is a TIPOFF_HOME with a
feature table; studies and runs go into homes of their own. The last line is one JSON object: `time_ratio` (wanted at
most 0.5), `value_ratio` (best with over best without, wanted at most 1.002) and `user_share`, the processor time of
each sweep over its time on all cores (wanted 0.9 or more).
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
from typing import Any


def main() -> None:
    """Sweep twice and print what it took."""
    given = _arguments()
    measured = {}
    with tempfile.TemporaryDirectory(prefix="tipoff-bench-") as scratch:
        for pruning in (True, False):
            home = Path(scratch) / str(pruning)
            home.mkdir()
            shutil.copy(given.home / "tipoff.db", home / "tipoff.db")
            measured[pruning] = _measure(home, given, pruning=pruning)
            print(json.dumps({"pruning": pruning} | measured[pruning]))
    pruned, whole = measured[True], measured[False]
    print(
        json.dumps(
            {
                "system": given.system,
                "trials": given.trials,
                "workers": given.workers,
                "time_ratio": pruned["seconds"] / whole["seconds"],
                "value_ratio": pruned["best_value"] / whole["best_value"],
                "user_share": [pruned["user_share"], whole["user_share"]],
                "load_1_minute": os.getloadavg()[0],
            }
        )
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--system", default="xgboost")
    parser.add_argument("--feature-set", default="v2_33features")
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _measure(home: Path, given: argparse.Namespace, *, pruning: bool) -> dict[str, Any]:
    """Seconds of the whole command, its processors' share, and what it found; starting and refitting included."""
    command = [sys.executable, "-m", "tipoff", "sweep", "--no-register", "--json", "--system", given.system]
    command += ["--feature-set", given.feature_set, "--trials", str(given.trials), "--workers", str(given.workers)]
    chosen = {"TIPOFF_HOME": str(home), "TIPOFF_TRAINING__PRUNING": str(pruning).lower()}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=os.environ | chosen, stdout=subprocess.PIPE, text=True, check=True)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    said = json.loads(done.stdout.strip().splitlines()[-1])
    user = after.ru_utime - before.ru_utime
    found = {name: said[name] for name in ("best_value", "best_params", "trials", "pruned")}
    return {"seconds": seconds, "user_share": user / seconds / len(os.sched_getaffinity(0))} | found


if __name__ == "__main__":
    main()
