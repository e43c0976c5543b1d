"""`make soak`: the service under 70 % of its peak for 15 minutes: errors, latencies, and how its memory moves.

`python -m benchmarks.soak [--home FOLDER] [--minutes 15] [--share 0.7]`: FOLDER as for benchmarks.serving. Peak is what
eight connections reach with the same mixture: rows by features, by ids, 100 at once, an explanation and a slate. The
last line is one JSON object; memory is the worker's resident set, its slope that of a straight line through all samples
but the first fifth, while caches fill.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil

from benchmarks.__main__ import machine
from benchmarks.load import Connection, post
from benchmarks.serving import CONNECTIONS, cases, prepare, running, services, slate

MIXTURE = ("single tipoff",) * 60 + ("ids tipoff",) * 30 + ("rows100 tipoff",) * 5 + ("explain",) * 4 + ("slate",)
WARM_SECONDS = 60.0
PEAK_SECONDS = 20.0
SAMPLE_SECONDS = 2.0


@dataclass
class Tally:
    """What one connection saw."""

    latencies: list[float] = field(default_factory=list)
    n_failed: int = 0


def main() -> None:
    """Soak the service and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--share", type=float, default=0.7)
    asked = parser.parse_args()
    with TemporaryDirectory() as place:
        found = soak(asked.home or Path(place) / "home", asked.minutes * 60, asked.share)
    print(json.dumps(found))


def soak(root: Path, seconds: float, share: float) -> dict[str, Any]:
    """Peak, then `share` of it for `seconds`, while the worker's memory is sampled."""
    home = prepare(root)
    rows, version = slate(home)
    every = cases(rows, version)
    ids = {"player_id": rows["player_id"][0], "game_id": rows["game_id"][0]}
    every["explain"] = ("tipoff", "/explain", json.dumps({"row": ids}))
    every["slate"] = ("tipoff", "/predict-batch", json.dumps({"game_date": rows["game_date"][0].isoformat()}))
    with running(services(home, version)["tipoff"]) as url:
        requests = [post(urlsplit(url).netloc, *every[name][1:]) for name in _mixed()]
        _press(url, requests, WARM_SECONDS, None)
        peak = _summary(_press(url, requests, PEAK_SECONDS, None), PEAK_SECONDS)["per_second"]
        print(
            f"peak {peak:.0f} requests/s, then {share:.0%} of it for {seconds / 60:g} minutes; {machine()}", flush=True
        )
        memory: list[tuple[float, float]] = []
        ended = threading.Event()
        sampler = threading.Thread(target=_sample, args=(_worker(), memory, ended))
        sampler.start()
        tallies = _press(url, requests, seconds, share * peak)
        ended.set()
        sampler.join()
    return {"peak_per_second": round(peak, 1), **_summary(tallies, seconds), **_slope(memory)}


def _mixed() -> list[str]:
    """The mixture in an order that a shuffle by a fixed seed gives."""
    return [str(name) for name in np.random.default_rng(7).permutation(MIXTURE)]


def _press(url: str, requests: list[bytes], seconds: float, per_second: float | None) -> list[Tally]:
    """All connections for `seconds`, together `per_second` requests (None: each as soon as it is answered)."""
    pause = 0.0 if per_second is None else CONNECTIONS / per_second
    tallies = [Tally() for _ in range(CONNECTIONS)]
    threads = [
        threading.Thread(target=_ask, args=(url, requests[place::CONNECTIONS] or requests, seconds, pause, tally))
        for place, tally in enumerate(tallies)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tallies


def _ask(url: str, requests: list[bytes], seconds: float, pause: float, tally: Tally) -> None:
    began = due = time.perf_counter()
    with Connection(url) as connection:
        for request in cycle(requests):
            started = time.perf_counter()
            if started - began >= seconds:
                return
            if started < due:
                time.sleep(due - started)
                started = time.perf_counter()
            due += pause
            tally.n_failed += not 200 <= connection.ask(request) < 300
            tally.latencies.append(time.perf_counter() - started)


def _worker() -> psutil.Process:
    """The process that answers: the one that BentoML calls a worker, of those that this one started."""
    for process in psutil.Process().children(recursive=True):
        if "_bentoml_impl.worker.service" in process.cmdline():
            return process
    raise RuntimeError("The service has no worker.")


def _sample(worker: psutil.Process, memory: list[tuple[float, float]], ended: threading.Event) -> None:
    began = time.perf_counter()
    while not ended.wait(SAMPLE_SECONDS):
        memory.append((time.perf_counter() - began, worker.memory_info().rss / 1e6))


def _summary(tallies: list[Tally], seconds: float) -> dict[str, Any]:
    latencies = [each for tally in tallies for each in tally.latencies]
    n_failed = sum(tally.n_failed for tally in tallies)
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "requests": len(latencies),
        "per_second": round(len(latencies) / seconds, 1),
        "error_rate": n_failed / len(latencies),
        "p50_ms": round(cuts[49] * 1000, 2),
        "p99_ms": round(cuts[98] * 1000, 2),
    }


def _slope(memory: list[tuple[float, float]]) -> dict[str, Any]:
    times, megabytes = np.array(memory).T
    settled = len(memory) // 5
    slope = float(np.polyfit(times[settled:], megabytes[settled:], 1)[0])
    fifths = [round(float(np.median(part)), 1) for part in np.array_split(megabytes, 5)]
    return {"memory_mb_by_fifths": fifths, "memory_mb_per_hour": round(slope * 3600, 2)}


if __name__ == "__main__":
    main()
