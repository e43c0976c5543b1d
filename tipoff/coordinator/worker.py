"""A worker: claims player-games of one system, predicts them at once, ends them with their predictions.

It may be killed at any moment: what it held is another worker's after the lease, and nothing is half written.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from contracts import clock
from contracts.errors import TipoffError
from contracts.home import Home
from contracts.settings import CoordinatorSettings, Settings
from serving.faults import NoGamesError
from serving.freshness import Freshness
from serving.live import LiveModel
from serving.row_cache import RowCache
from serving.slate import SlatePredictions, answer_slate
from serving.store import prediction_rows
from tipoff.coordinator.expectation import Key
from tipoff.coordinator.ledger import Claim, End, claim, end, extend, try_again
from tipoff.coordinator.models import Loader, Models

NO_FEATURES = "no_features"
NOT_EXPECTED = "no_longer_expected"
NOT_LOADED = "model_not_loaded"
ERROR = "error"

log = logging.getLogger("tipoff.coordinator")


@dataclass(frozen=True)
class Tools:
    """What the workers of one process share: the database, the models, and the slates read."""

    engine: sa.Engine
    limits: CoordinatorSettings
    model: Loader
    rows: RowCache


def make_tools(engine: sa.Engine, home: Home, settings: Settings, freshness: Freshness | None = None) -> Tools:
    """The real ones."""
    rows = RowCache(engine, freshness or Freshness(engine, settings))
    return Tools(engine, settings.coordinator, Models(engine, home).get, rows)


class Worker:
    """Works until it is stopped; `wake` ends a pause early. Its name is its own, on this machine and any other."""

    def __init__(self, tools: Tools) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._tools = tools
        self._woken = threading.Event()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Work until `stop`; a database that does not answer is waited for."""
        while not self._stopping.is_set():
            if not self._tried():
                self._woken.wait(self._tools.limits.poll_seconds)
                self._woken.clear()

    def stop(self) -> None:
        """End after the claim that is being worked on."""
        self._stopping.set()
        self._woken.set()

    def wake(self) -> None:
        """There may be work: look now."""
        self._woken.set()

    def work_off(self, is_done: Callable[[], bool]) -> None:
        """Work until `is_done`, asked whenever there is nothing to claim at once.

        Raises what the database raises.
        """
        while True:
            if self.work_once():
                continue
            if is_done():
                return
            time.sleep(min(self._tools.limits.poll_seconds, 0.1))

    def work_once(self) -> bool:
        """Claim, predict and end once; whether there was anything to claim."""
        held = claim(self._tools.engine, self.name, self._tools.limits)
        if held is None:
            return False
        with _kept_alive(self._tools, held):
            _work(self._tools, held)
        return True

    def _tried(self) -> bool:
        try:
            return self.work_once()
        except (sa.exc.SQLAlchemyError, TipoffError) as error:
            log.error("Worker %s waits: %s", self.name, str(error).splitlines()[0])
            return False


def _work(tools: Tools, held: Claim) -> None:
    """Every row of the claim ends, or all wait for another try."""
    started = time.perf_counter()
    try:
        ends = _predict(tools, held)
    except sa.exc.SQLAlchemyError:
        raise  # nobody's try: the lease ends, and they are claimed again
    except TipoffError as error:
        _fail(tools, held, NOT_LOADED, error.message)
    except Exception as error:  # whatever a model does must end in a state, and not end the worker
        log.error("Predicting failed", exc_info=error)
        _fail(tools, held, ERROR, f"{type(error).__name__}: {error}")
    else:
        n_ended = end(tools.engine, held, ends)
        told = {"batch_id": held.batch_id, "system": held.system, "ended": n_ended, "of": len(held.keys)}
        log.info("worked", extra={"told": {**told, "seconds": round(time.perf_counter() - started, 4)}})


def _predict(tools: Tools, held: Claim) -> dict[Key, End]:
    live = tools.model(held.model_version)
    try:
        stored = tools.rows.slate(live, held.game_date)
    except NoGamesError as error:
        return dict.fromkeys(held.keys, End(reason=NO_FEATURES, detail=error.message))
    return _ends(live, held, answer_slate(live, held.game_date, stored))


def _ends(live: LiveModel, held: Claim, slate: SlatePredictions) -> dict[Key, End]:
    """How each row of the claim ends, given what the model says of the date's slate."""
    said = {
        (row["game_id"], row["player_id"]): row
        for row in prediction_rows(live, slate.answers, slate.stored.game_dates, clock.wall())
    }
    errors = {(each.game_id, each.player_id): each.error for each in slate.answers if each.error is not None}
    gone = f"{live.feature_set.name} does not expect him any more: listed out, or the game was moved."
    found: dict[Key, End] = {}
    for key in held.keys:
        error = errors.get(key)
        if key in said and error is None:
            found[key] = End(prediction=said[key])
        elif error is not None:
            found[key] = End(reason=error.code, detail=error.message)
        else:
            found[key] = End(reason=NOT_EXPECTED, detail=gone)
    return found


def _fail(tools: Tools, held: Claim, reason: str, detail: str) -> None:
    n_dead = try_again(tools.engine, held, reason, detail, tools.limits)
    told = {"batch_id": held.batch_id, "system": held.system, "reason": reason, "given_up": n_dead}
    log.warning("%s: %s", reason, detail, extra={"told": told})


@contextmanager
def _kept_alive(tools: Tools, held: Claim) -> Iterator[None]:
    """While the block runs, and for `most_chunk_seconds` at most, the claim's lease is extended in time."""
    done = threading.Event()
    gives_up_at = time.monotonic() + tools.limits.most_chunk_seconds

    def beat() -> None:
        while not done.wait(tools.limits.lease_seconds / 3) and time.monotonic() < gives_up_at:
            try:
                extend(tools.engine, held, tools.limits)
            except sa.exc.SQLAlchemyError as error:
                log.warning("A lease could not be extended: %s", error)

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
