"""What the coordinator does by the clock: it relays the outbox, and holds the schedule against what is there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import sqlalchemy as sa

from contracts.errors import TipoffError
from contracts.jobs import age_seconds, job_run, latest_run
from contracts.settings import Settings
from monitoring.alarms import Finding
from serving.freshness import Freshness
from tipoff.coordinator.reconciler import reconcile
from tipoff.coordinator.relay import Address, relay

RECONCILE = "reconcile"
"""The job that a look at the schedule is kept as."""
BEAT_SECONDS = 900.0

log = logging.getLogger("tipoff.coordinator")


class Routine:
    """A thread that relays and reconciles at the settings' intervals until it is stopped; `wake` calls the workers.

    `by_the_clock` are looks of others: each is called after every reconciling, and starts what is due.
    """

    def __init__(
        self,
        engine: sa.Engine,
        settings: Settings,
        addresses: Sequence[Address],
        wake: Callable[[], None],
        freshness: Freshness,
        by_the_clock: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._addresses = addresses
        self._wake = wake
        self._freshness = freshness
        self._by_the_clock = by_the_clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="routine", daemon=True)
        self._undelivered: dict[str, str] = {}
        self._reconciled_at: float | None = None

    def start(self) -> None:
        """Begin."""
        self._reconciled_at = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """End after what it is at."""
        self._stopping.set()
        self._thread.join(timeout=30)

    def fault(self) -> str | None:
        """Why nobody looks at the schedule any more (None: somebody does)."""
        if not self._thread.is_alive():
            return "The thread that reconciles has died."
        seconds = self.seconds_since_look() or 0.0
        if seconds > 3 * self._settings.coordinator.reconcile_seconds + 60:
            return f"The schedule was last held against what is there {seconds:.0f} s ago."
        return None

    def seconds_since_look(self) -> float | None:
        """Since the schedule was last held against what is there, or since the start; None: not started."""
        return None if self._reconciled_at is None else time.monotonic() - self._reconciled_at

    def _run(self) -> None:
        limits = self._settings.coordinator
        next_look = time.monotonic()
        while not self._stopping.wait(limits.relay_seconds):
            self._try(self._relay)
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + limits.reconcile_seconds
                for look in (self._reconcile, *self._by_the_clock):
                    self._try(look)

    def _relay(self) -> None:
        faults = relay(self._engine, self._addresses)
        for url, fault in faults.items():
            if self._undelivered.get(url) != fault:
                log.warning("%s has not taken all events: %s", url, fault)
        self._undelivered = faults

    def _reconcile(self) -> None:
        faults = [
            Finding("undelivered", url, f"{url} has not taken all events: {why}.", f"curl -i {url}")
            for url, why in self._undelivered.items()
        ]
        with self._beat():
            if reconcile(self._engine, self._settings, faults=faults, freshness=self._freshness).opened:
                self._wake()
        self._reconciled_at = time.monotonic()

    def _beat(self) -> AbstractContextManager[object]:
        """The look kept as a job's run, once in BEAT_SECONDS: a heartbeat that is heard where this process is gone."""
        last = latest_run(self._engine, RECONCILE)
        is_due = last is None or age_seconds(last["started_at"]) >= BEAT_SECONDS
        return job_run(self._engine, RECONCILE) if is_due else nullcontext()

    def _try(self, act: Callable[[], None]) -> None:
        """The next look comes whatever became of this one."""
        try:
            act()
        except (sa.exc.SQLAlchemyError, TipoffError, OSError) as error:
            log.error("The routine failed, and goes on: %s", str(error).splitlines()[0])
