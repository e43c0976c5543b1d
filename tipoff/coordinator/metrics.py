"""What Prometheus is told of the coordinator."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from serving.metrics import SECONDS
from tipoff.coordinator.gauges import Gauges


class Metrics:
    """The counters of one coordinator, and how things stand. Safe for threads."""

    def __init__(self, gauges: Gauges) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(gauges)
        own: dict[str, Any] = {"registry": self._registry}
        self._requests = Counter("tipoff_coordinator_requests", "Requests.", ["endpoint", "status"], **own)
        self._seconds = Histogram(
            "tipoff_coordinator_request_seconds", "Time to answer.", ["endpoint"], buckets=SECONDS, **own
        )

    def count_request(self, endpoint: str, status: int, seconds: float) -> None:
        """One answered request; `endpoint` is one of a few."""
        self._requests.labels(endpoint, str(status)).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def text(self) -> bytes:
        """The exposition, in Prometheus' text format; it asks the database."""
        return bytes(generate_latest(self._registry))
