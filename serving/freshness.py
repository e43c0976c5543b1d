"""Which dates' rows are stale: made by other facts, code or definitions than there are now."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import date

import sqlalchemy as sa

from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from contracts.tables import builds, ingests
from features.table.rows import stale_dates

Moment = tuple[int | None, int | None]
"""The newest ingest that changed a fact, and the newest build that is done."""

log = logging.getLogger("tipoff.serving")


class Freshness:
    """Answers which dates of a feature set are stale; looks again only after an ingest or a build. Safe for threads.

    Looking takes seconds where many seasons are ingested; a thread does it ahead of those who ask.
    """

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Moment, frozenset[date]]] = {}
        self._stop = threading.Event()

    def follow(self, wanted: Callable[[], FeatureSet | None]) -> None:
        """Keep looking in a thread, until `stop`, for the feature set that `wanted` names (None: for none)."""
        threading.Thread(target=self._follow, args=(wanted,), name="freshness", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()

    def stale(self, feature_set: FeatureSet) -> frozenset[date]:
        """The stale dates of `feature_set`, as of now: a fact corrected a moment ago counts."""
        moment = self._moment()
        with self._lock:
            known = self._known.get(feature_set.hash)
            if known is None or known[0] != moment:
                known = moment, frozenset(stale_dates(self._engine, feature_set, self._settings))
                self._known[feature_set.hash] = known
        return known[1]

    def _follow(self, wanted: Callable[[], FeatureSet | None]) -> None:
        while True:
            feature_set = wanted()
            try:
                if feature_set is not None:
                    self.stale(feature_set)
            except sa.exc.SQLAlchemyError as error:
                log.warning("Which rows are stale cannot be looked up: %s", error)
            if self._stop.wait(self._settings.serving.poll_seconds):
                return

    def _moment(self) -> Moment:
        changed = sa.select(sa.func.max(ingests.c.ingest_id)).where(ingests.c.n_changed > 0).scalar_subquery()
        done = sa.select(sa.func.max(builds.c.build_id)).where(builds.c.state == "done").scalar_subquery()
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(changed, done)).one()
        return row[0], row[1]
