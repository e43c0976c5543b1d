"""A version tried where it would serve: a fresh process with the service's environment loads, proves and times it.

`python -m serving.trial VERSION MODEL_NAME` prints one JSON object; `try_version` starts it and reads that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from contracts.errors import TipoffError
from contracts.home import Home
from serving.launch import environment, packages_folder

N_TIMED = 100
MOST_SECONDS = 5.0
"""Timing ends here, with fewer predictions of a slow model."""
LIMIT_SECONDS = 300.0


def try_version(home: Home, version: int, model_name: str) -> dict[str, Any]:
    """What came of it: fault (why it does not answer, or None), golden_rows, latency_ms, size_bytes."""
    command = [sys.executable, "-m", "serving.trial", str(version), model_name]
    try:
        done = subprocess.run(
            command,
            env=environment(home, 0),
            cwd=packages_folder(),
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"fault": f"it did not come up within {LIMIT_SECONDS:g} seconds"}
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        return {"fault": f"the process ended with {done.returncode}: {said[-1] if said else 'it said nothing'}"}
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def main(arguments: list[str]) -> None:
    """Try the version and print what came of it."""
    print(json.dumps(_try(int(arguments[0]), arguments[1])))  # noqa: T201 its output is what it is for


def _try(version: int, model_name: str) -> Mapping[str, Any]:
    from contracts.database import open_database
    from contracts.home import find_home
    from registry.stages import Stage
    from registry.versions import get_version
    from serving.live import load_live

    home = find_home()
    engine = open_database(home.database_url)
    try:
        live = load_live(get_version(engine, version, model_name), Stage.NONE, home)
    except TipoffError as error:
        return {"fault": error.message}
    finally:
        engine.dispose()
    rows = live.model.metadata.golden_rows
    matrix = np.array([[row.features[name] for name in live.model.metadata.features] for row in rows], dtype=np.float64)
    folder = home.cache / live.version.sha256
    return {
        "fault": None,
        "golden_rows": len(rows),
        "latency_ms": _median_ms(live.model, matrix),
        "size_bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
    }


def _median_ms(model: Any, matrix: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Of one row's prediction with its interval, after one to warm up."""
    model.predict(matrix[:1])
    seconds: list[float] = []
    ends = time.monotonic() + MOST_SECONDS
    while len(seconds) < N_TIMED and (not seconds or time.monotonic() < ends):
        row = matrix[len(seconds) % len(matrix)][None]
        start = time.perf_counter()
        model.predict(row)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds) * 1000)


if __name__ == "__main__":
    main(sys.argv[1:])
