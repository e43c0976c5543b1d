"""Medians of five, everything in one run: a time is read beside the reference that ran under the same load."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

ROUNDS = 5


def median_seconds(*works: Callable[[], Any]) -> list[float]:
    """The median wall-clock seconds of each of `works`, which take turns, so that load falls on all alike."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for spent, work in zip(seconds, works, strict=True):
            started = time.perf_counter()
            work()
            spent.append(time.perf_counter() - started)
    return [statistics.median(spent) for spent in seconds]
