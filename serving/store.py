"""Keeps what was said: predictions go to the database behind the answer, in order, and none is lost unseen."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from contracts.database import writing
from contracts.tables import predictions
from serving.live import LiveModel
from serving.schemas import Answer

QUEUE_SIZE = 1000
ATTEMPTS = 3

Work = Callable[[], Sequence[dict[str, Any]]]
log = logging.getLogger("tipoff.serving")


class PredictionStore:
    """Writes predictions in a thread of its own; what does not fit its bounded queue is counted in `n_dropped`."""

    def __init__(self, engine: sa.Engine, *, queue_size: int = QUEUE_SIZE, retry_seconds: float = 1.0) -> None:
        self._engine = engine
        self._retry_seconds = retry_seconds
        self._queue: queue.Queue[Work | None] = queue.Queue(maxsize=queue_size)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write_all, name="prediction-store", daemon=True)
        self.n_dropped = 0
        self.n_stored = 0

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, work: Work) -> None:
        """Take `work`, which makes the rows, and return at once; a full queue or a dead thread counts it as dropped."""
        if not self._thread.is_alive():
            self._drop("the thread that stores them is not running")
            return
        try:
            self._queue.put_nowait(work)
        except queue.Full:
            self._drop("the queue is full")

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Write what is waiting, then end; what is not written within the time is counted as dropped."""
        self._stopping.set()
        try:
            self._queue.put(None, timeout=timeout_seconds)
            self._thread.join(timeout_seconds)
        except queue.Full:
            log.error("The queue of predictions did not empty within %s seconds", timeout_seconds)
        while self._thread.is_alive() and not self._queue.empty():
            if self._queue.get_nowait() is not None:
                self._drop("the service stopped")

    def _write_all(self) -> None:
        while (work := self._queue.get()) is not None:
            self._write(work)

    def _write(self, work: Work) -> None:
        rows = work()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                n_new = store_predictions(self._engine, rows)
            except sa.exc.OperationalError as error:
                if attempt == ATTEMPTS:
                    self._drop(str(error.orig))
                self._stopping.wait(self._retry_seconds)
            else:
                with self._lock:
                    self.n_stored += n_new
                return

    def _drop(self, reason: str) -> None:
        with self._lock:
            self.n_dropped += 1
        log.error("A request's predictions were answered and not stored: %s", reason)


def store_predictions(engine: sa.Engine, rows: Sequence[dict[str, Any]]) -> int:
    """Write `rows` (columns of contracts.tables.predictions), each once; returns how many were new.

    One said before (same player-game, system, version and build) keeps its first time.
    """
    if not rows:
        return 0
    insert = postgresql_insert if engine.dialect.name == "postgresql" else sqlite_insert
    statement = insert(predictions).on_conflict_do_nothing()
    with writing(engine) as connection:
        return int(connection.execute(statement, list(rows)).rowcount)


def prediction_rows(
    live: LiveModel, answers: Sequence[Answer], game_dates: dict[tuple[str, int], date], predicted_at: datetime
) -> list[dict[str, Any]]:
    """The rows to store for `answers` about stored player-games; the others (by features, or with an error) have none.

    The answers must be about the rows' own lines: a line that a caller made up is never graded as a real one.
    """
    return [
        {
            "game_date": game_dates[answer.game_id, answer.player_id],
            "game_id": answer.game_id,
            "player_id": answer.player_id,
            "system": answer.system,
            "model_version": answer.model_version,
            "model_sha256": answer.model_sha256,
            "train_to": live.version.train_to,
            "feature_set": answer.feature_set,
            "build_id": answer.build_id,
            "target": answer.target,
            "predicted": answer.predicted_points,
            "interval_low": answer.interval[0],
            "interval_high": answer.interval[1],
            "line": answer.line,
            "over_probability": answer.over_probability,
            "predicted_at": predicted_at,
        }
        for answer in answers
        if answer.interval is not None and answer.game_id is not None and answer.player_id is not None
    ]
