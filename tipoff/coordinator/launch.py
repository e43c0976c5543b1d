"""Starts the coordinator in the foreground: its workers, and its endpoints under uvicorn."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType

import sqlalchemy as sa
import uvicorn
from starlette.applications import Starlette

from contracts.errors import TipoffError
from contracts.home import Home
from contracts.ports import require_free_port
from contracts.settings import Settings
from features.feature_sets import load_feature_set
from serving.door import Door
from serving.freshness import Freshness
from serving.launch import KEEP_ALIVE_SECONDS, STOP_SIGNALS, find_address
from serving.logs import configure_logs
from tipoff.alerts import tell_or_log
from tipoff.coordinator.app import Endpoints
from tipoff.coordinator.board import Outlook
from tipoff.coordinator.crew import Crew
from tipoff.coordinator.desk import Desk
from tipoff.coordinator.gauges import Gauges
from tipoff.coordinator.relay import addresses, events_url
from tipoff.coordinator.routine import Routine

OTHER_PORT = "Stop what has it, or choose another: `tipoff coordinator --port {}`."

log = logging.getLogger("tipoff.coordinator")


def run_coordinator(
    home: Home,
    settings: Settings,
    engine: sa.Engine,
    host: str,
    port: int,
    by_the_clock: Sequence[Callable[[], None]] = (),
) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP, then end the workers after what they are at.

    `by_the_clock` are called at every look at the schedule.

    Raises UnavailableError for a port that is taken, UsageError for a host or port that is none.
    """
    address = find_address(host, port)
    require_free_port(*address, remedy=OTHER_PORT.format(address[1] % 65535 + 1))
    configure_logs()
    freshness = Freshness(engine, settings)
    crew = Crew(engine, home, settings, freshness)
    desk = Desk(engine, settings, crew.wake, freshness)
    token = os.environ.get("TIPOFF_API_TOKEN") or None
    told = addresses(events_url(*address), settings.coordinator.subscribers, token)
    tell: Callable[[], None] = partial(tell_or_log, home, settings, engine)
    routine = Routine(engine, settings, told, crew.wake, freshness, (*by_the_clock, tell))

    def health() -> str | None:
        return crew.fault() or routine.fault()

    outlook, gauges = Outlook(engine, settings, health), Gauges(engine, told, routine.seconds_since_look)
    front = Endpoints(desk, outlook, gauges, settings.coordinator, token, health)
    freshness.follow(lambda: load_feature_set(settings.training.feature_set))
    crew.start()
    routine.start()
    try:
        _serve(Door(Starlette(), lambda: front), *address)
    finally:
        routine.stop()
        crew.stop()
        freshness.stop()


def run_worker(home: Home, settings: Settings, engine: sa.Engine) -> None:
    """Work until SIGINT, SIGTERM or SIGHUP, and end after what it is at."""
    configure_logs()
    stopped = threading.Event()
    _on_stop(stopped.set)
    crew = Crew(engine, home, settings, n_workers=1)
    crew.start()
    try:
        while not stopped.wait(1.0):
            fault = crew.fault()
            if fault is not None:
                raise TipoffError(fault, remedy="The log says why; start it again.")
    finally:
        crew.stop()


def _serve(app: Door, host: str, port: int) -> None:
    """uvicorn without its own logs and signals: the door logs, and a stop is a proper end."""
    config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, lifespan="off")
    config.timeout_keep_alive = KEEP_ALIVE_SECONDS
    server = uvicorn.Server(config)

    def stop() -> None:
        server.should_exit = True

    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # older uvicorn
    _on_stop(stop)
    log.info("The coordinator listens on %s:%s", host, port)
    server.run()


def _on_stop(act: Callable[[], None]) -> None:
    def handle(_number: int, _frame: FrameType | None) -> None:
        act()

    for number in STOP_SIGNALS:
        signal.signal(number, handle)
