"""Which dates' rows are stale: made by other facts, code or definitions than there are now."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import date

import sqlalchemy as sa

from contracts.errors import UnavailableError
from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from features.table.rows import stale_dates
from serving.moments import Moment, Moments

log = logging.getLogger("tipoff.serving")


class Freshness:
    """Answers which dates of a feature set are stale; looks again only after an ingest or a build. Safe for threads.

    Looking takes seconds where many seasons are ingested; a thread does it ahead of those who ask.
    """

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._moments = Moments(engine)
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Moment, frozenset[date]]] = {}
        self._stop = threading.Event()

    def follow(self, wanted: Callable[[], FeatureSet | None]) -> None:
        """Keep looking in a thread, until `stop`, for the feature set that `wanted` names (None: for none)."""
        threading.Thread(target=self._follow, args=(wanted,), name="freshness", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._moments.close()

    def moment_at_once(self) -> Moment | None:
        """`moment`, or None where telling it may take time.

        Raises UnavailableError where the database's file is gone.
        """
        return self._moments.at_once()

    def moment(self) -> Moment:
        """What the rows depend on, as of now: while it is the same, so are they.

        Raises UnavailableError where the database's file is gone.
        """
        return self._moments.now()

    def stale(self, feature_set: FeatureSet, moment: Moment | None = None) -> frozenset[date]:
        """The stale dates of `feature_set` at `moment` (None: now): a fact corrected a moment ago counts."""
        moment = self.moment() if moment is None else moment
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
            except (sa.exc.SQLAlchemyError, UnavailableError) as error:
                log.warning("Which rows are stale cannot be looked up: %s", error)
            if self._stop.wait(self._settings.serving.poll_seconds):
                return
