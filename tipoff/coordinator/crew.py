"""The workers of one process: started together, woken together, and watched."""

from __future__ import annotations

import logging
import threading

import sqlalchemy as sa

from contracts.errors import TipoffError
from contracts.home import Home
from contracts.settings import Settings
from serving.freshness import Freshness
from tipoff.coordinator.expectation import wanted_versions
from tipoff.coordinator.worker import Tools, Worker, make_tools

STOP_SECONDS = 30.0

log = logging.getLogger("tipoff.coordinator")


class Crew:
    """`n_workers` threads (default: as the settings say) that share their models and the slates that were read."""

    def __init__(
        self,
        engine: sa.Engine,
        home: Home,
        settings: Settings,
        freshness: Freshness | None = None,
        n_workers: int | None = None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._tools: Tools = make_tools(engine, home, settings, freshness)
        self._stopping = False
        wanted = settings.coordinator.workers if n_workers is None else n_workers
        self._workers = [Worker(self._tools) for _ in range(wanted)]
        self._threads = [threading.Thread(target=each.run, name=each.name, daemon=True) for each in self._workers]

    def start(self) -> None:
        """Begin to work; the models that answer now are loaded at once, so that the first batch need not wait."""
        if self._workers:
            threading.Thread(target=self._load_ahead, name="load-ahead", daemon=True).start()
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """There is work."""
        for worker in self._workers:
            worker.wake()

    def stop(self) -> None:
        """End after what each is at."""
        self._stopping = True
        for worker in self._workers:
            worker.stop()
        for thread in self._threads:
            thread.join(STOP_SECONDS)

    def fault(self) -> str | None:
        """What keeps this process from working (None: nothing): a thread that died, a database that is away."""
        dead = [thread.name for thread in self._threads if not thread.is_alive()]
        if dead and not self._stopping:
            return f"The worker {', '.join(dead)} has died."
        try:
            with self._engine.connect() as connection:
                connection.execute(sa.text("SELECT 1"))
        except sa.exc.SQLAlchemyError as error:
            return f"The database does not answer: {str(error).splitlines()[0]}."
        return None

    def _load_ahead(self) -> None:
        try:
            versions = wanted_versions(self._engine, self._settings.coordinator.systems)
        except (sa.exc.SQLAlchemyError, TipoffError) as error:
            log.warning("The models could not be loaded ahead: %s", error)
            return
        for version in versions.values():
            if version is not None and not self._stopping:
                self._load(version.version)

    def _load(self, number: int) -> None:
        try:
            self._tools.model(number)
        except (sa.exc.SQLAlchemyError, TipoffError) as error:
            log.warning("Version %s could not be loaded ahead: %s", number, error)
