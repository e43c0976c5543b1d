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
from contracts.errors import UnavailableError
from contracts.tables import predictions
from serving.database_file import DatabaseFile
from serving.live import LiveModel
from serving.metrics import Metrics
from serving.schemas import Answer

QUEUE_SIZE = 1000
BATCH = 200
"""Requests whose predictions are written in one transaction."""
MOST_WRITTEN = 200_000
"""Predictions known to be written; beyond that they are forgotten, and the database finds what it has."""
LINGER_SECONDS = 0.02
"""So long more requests are waited for before any is written: a thread that wakes for each takes turns with answers."""
ATTEMPTS = 3

Work = Callable[[], Sequence[dict[str, Any]]]
log = logging.getLogger("tipoff.serving")


class PredictionStore:
    """Writes predictions in a thread of its own; what does not fit its bounded queue is counted in `n_dropped`.

    What waits is written together, and what was written before is not written again: the database keeps the first.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        queue_size: int = QUEUE_SIZE,
        retry_seconds: float = 1.0,
        metrics: Metrics | None = None,
    ) -> None:
        self._engine = engine
        self._file = DatabaseFile(engine)
        self._retry_seconds = retry_seconds
        self._metrics = metrics
        self._queue: queue.Queue[Work | None] = queue.Queue(maxsize=queue_size)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write_all, name="prediction-store", daemon=True)
        self._written: set[tuple[Any, ...]] = set()
        self._written_to: int | None = None
        self.n_dropped = 0
        self.n_stored = 0

    @property
    def n_waiting(self) -> int:
        """How many requests' predictions are still to be written."""
        return self._queue.qsize()

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
        works: list[Work | None] = []
        while None not in works:
            works = [self._queue.get()]
            self._stopping.wait(LINGER_SECONDS)
            while len(works) < BATCH and not self._queue.empty():
                works.append(self._queue.get())
            self._write([work for work in works if work is not None])

    def _write(self, works: Sequence[Work]) -> None:
        """The rows of `works` in one transaction, tried again where the database does not answer."""
        rows = {_key(row): row for work in reversed(works) for row in reversed(work())}
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._write_new(rows)
                return
            except (sa.exc.OperationalError, UnavailableError) as error:
                reason = str(error)
                if attempt < ATTEMPTS:
                    self._stopping.wait(self._retry_seconds)
            except sa.exc.SQLAlchemyError as error:  # nothing that waiting would mend
                reason = str(error)
                break
        for _ in works:
            self._drop(reason)

    def _write_new(self, rows: dict[tuple[Any, ...], dict[str, Any]]) -> None:
        inode = self._file.check()
        if inode != self._written_to or len(self._written) > MOST_WRITTEN:
            self._written.clear()
            self._written_to = inode
        new = [row for key, row in rows.items() if key not in self._written]
        n_new = store_predictions(self._engine, new)
        self._written.update(rows)
        with self._lock:
            self.n_stored += n_new
        if self._metrics is not None:
            self._metrics.count_stored(n_new)

    def _drop(self, reason: str) -> None:
        with self._lock:
            self.n_dropped += 1
        if self._metrics is not None:
            self._metrics.count_dropped()
        log.error("A request's predictions were answered and not stored: %s", reason)


def store_predictions(engine: sa.Engine, rows: Sequence[dict[str, Any]]) -> int:
    """`insert_predictions` in a transaction of its own; none where there are no rows."""
    if not rows:
        return 0
    with writing(engine) as connection:
        return insert_predictions(connection, rows)


def insert_predictions(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Write `rows` (columns of contracts.tables.predictions), each once; returns how many were new.

    One said before (same player-game, system, version and build) keeps its first time.
    """
    insert = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    statement = insert(predictions).on_conflict_do_nothing().returning(predictions.c.prediction_id)
    return len(connection.execute(statement, list(rows)).all()) if rows else 0


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


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    """What makes a prediction one: contracts.tables.predictions.one_prediction."""
    return row["game_id"], row["player_id"], row["system"], row["model_version"], row["build_id"]
