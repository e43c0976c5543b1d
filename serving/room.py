"""Wires a worker together: database, slot, store, desk and metrics, as the environment and the settings say."""

from __future__ import annotations

import gc
import logging
import os
import threading
from functools import partial

from contracts.database import open_database
from contracts.errors import UsageError
from contracts.home import REGISTERED_MODEL, prepare_home
from contracts.settings import load_settings
from serving.app import Room
from serving.desk import Desk
from serving.freshness import Freshness
from serving.live import load_live
from serving.logs import configure_logs
from serving.metrics import Metrics
from serving.slot import Slot
from serving.store import PredictionStore
from systems.catalog import system_class, system_names

COLLECT_AFTER = 20_000
"""Containers that must be new before the garbage collector looks; a request about 100 rows makes a thousand, and leaves
no cycles. Python's own number, 700, makes it look at what is being answered just then."""

log = logging.getLogger("tipoff.serving")


def open_room() -> Room:
    """A worker's room, its slot following the registry and its store writing.

    Raises UsageError or UnavailableError where home, settings or database do not do.
    """
    home, settings = prepare_home(), load_settings()
    engine = open_database(home.database_url)
    configure_logs()
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
    metrics = Metrics()
    load = partial(load_live, home=home)
    poll = settings.serving.poll_seconds
    slot = Slot(engine, REGISTERED_MODEL, load, poll_seconds=poll, on_swap=metrics.count_swap)
    store = PredictionStore(engine, metrics=metrics)
    slot.start()
    threading.Thread(target=_import_systems, name="import-systems", daemon=True).start()
    store.start()
    freshness = Freshness(engine, settings)
    freshness.follow(lambda: live.feature_set if (live := slot.state().live) else None)
    desk = Desk(engine, slot, store, settings.serving, metrics, freshness)
    return Room(desk, settings.serving, token=os.environ.get("TIPOFF_API_TOKEN") or None, metrics=metrics)


def close_room(room: Room) -> None:
    """Write what waits, end the threads, close the database."""
    room.desk.close()


def _import_systems() -> None:
    """Import every system's library now: a promotion to a system not seen yet is live without waiting for that.

    What is there then stays: the garbage collector need not walk through it again while requests wait.
    """
    for name in system_names():
        try:
            system_class(name)
        except UsageError as error:
            log.warning("The system %s cannot be used: %s", name, error)
    gc.collect()
    gc.freeze()
