"""What Prometheus is told of a worker: requests, answers, what was missing, which version answers and since when."""

from __future__ import annotations

import collections
import os
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from contracts import clock
from serving.live import LiveModel
from serving.schemas import Answer

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
BANDS = (0, 2, 5, 8, 10, 12, 15, 18, 22, 26, 30, 35, 40)
"""Lower ends of the bands of predictions, in the target's unit; below the first is a band too."""

BAND_NAMES = ("below", *map(str, BANDS))
STATES = ("ready", "degraded", "not_ready")


class Metrics:
    """The counters of one worker; `text` sums those of all workers. Safe for threads."""

    def __init__(self) -> None:
        # imported here: BentoML names the folder that the workers share first
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()
        own: dict[str, Any] = {"registry": self._registry}
        self._requests = Counter("tipoff_requests", "Requests.", ["endpoint", "status"], **own)
        self._seconds = Histogram("tipoff_request_seconds", "Time to answer.", ["endpoint"], buckets=SECONDS, **own)
        self._answers = Counter("tipoff_answers", "Rows answered.", ["system", "version", "outcome"], **own)
        self._predicted = Counter(
            "tipoff_predicted", "Predictions by band, named by its lower end.", ["system", "version", "band"], **own
        )
        self._missing = Counter("tipoff_missing_features", "Rows answered without the feature.", ["feature"], **own)
        self._swaps = Counter("tipoff_swaps", "Changes of the version that answers.", **own)
        self._stored = Counter("tipoff_stored_predictions", "Predictions written, new ones.", **own)
        self._dropped = Counter("tipoff_dropped_requests", "Requests answered and not stored.", **own)
        self._waiting = Gauge("tipoff_waiting_requests", "To be stored.", multiprocess_mode="livesum", **own)
        latest: dict[str, Any] = {"multiprocess_mode": "livemostrecent", **own}
        self._version = Gauge("tipoff_model_version", "The version that answers.", **latest)
        self._age = Gauge("tipoff_model_age_seconds", "Since the version that answers was registered.", **latest)
        self._unseen = Gauge(
            "tipoff_model_unseen_days", "Since the last date the version that answers has seen.", **latest
        )
        self._state = Gauge("tipoff_service_state", "1 for the state the service is in.", ["state"], **latest)
        self._children: dict[tuple[Any, ...], Any] = {}

    def count_request(self, endpoint: str, status: int, seconds: float) -> None:
        """One answered request; `endpoint` is one of a few."""
        self._child(self._requests, endpoint, str(status)).inc()
        self._child(self._seconds, endpoint).observe(seconds)

    def count_answers(self, said: Sequence[Answer]) -> None:
        """The rows of one request, all from one version."""
        if not said:
            return
        system, version = said[0].system, str(said[0].model_version)
        outcomes = collections.Counter([each.error.code if each.error else "predicted" for each in said])
        bands = collections.Counter(
            [_band(each.predicted_points) for each in said if each.predicted_points is not None]
        )
        missing = collections.Counter([name for each in said if each.missing for name in each.missing])
        for outcome, n in outcomes.items():
            self._child(self._answers, system, version, outcome).inc(n)
        for band, n in bands.items():
            self._child(self._predicted, system, version, band).inc(n)
        for feature, n in missing.items():
            self._child(self._missing, feature).inc(n)

    def count_swap(self) -> None:
        """Another version answers now."""
        self._swaps.inc()

    def count_stored(self, n_new: int) -> None:
        """So many predictions were written."""
        self._stored.inc(n_new)

    def count_dropped(self) -> None:
        """A request's predictions were answered and not stored."""
        self._dropped.inc()

    def tell_state(self, state: str, live: LiveModel | None, n_waiting: int) -> None:
        """How things stand now."""
        self._waiting.set(n_waiting)
        for each in STATES:
            self._state.labels(each).set(each == state)
        if live is not None:
            now = clock.now()
            self._version.set(live.version.version)
            self._age.set((now - live.version.registered_at).total_seconds())
            if live.version.train_to is not None:
                self._unseen.set((now.date() - live.version.train_to).days)

    def _child(self, metric: Any, *labels: str) -> Any:
        """The metric of these labels; Prometheus' own way to it takes a lock and a check each time."""
        child = self._children.get((metric, *labels))
        if child is None:
            child = self._children[metric, *labels] = metric.labels(*labels)
        return child

    def text(self) -> bytes:
        """The exposition, in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return bytes(generate_latest(self._registry))
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]  # the vendor's
        return bytes(generate_latest(everybody))


def _band(value: float) -> str:
    return BAND_NAMES[bisect_right(BANDS, value)]
