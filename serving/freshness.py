"""Which dates' rows are stale: made by other facts, code or definitions than there are now."""

from __future__ import annotations

import threading
from datetime import date

import sqlalchemy as sa

from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from contracts.tables import builds, ingests
from features.table.rows import stale_dates

Moment = tuple[int | None, int | None]
"""The newest ingest that changed a fact, and the newest build that is done."""


class Freshness:
    """Answers which dates of a feature set are stale; looks again only after an ingest or a build. Safe for threads."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Moment, frozenset[date]]] = {}

    def stale(self, feature_set: FeatureSet) -> frozenset[date]:
        """The stale dates of `feature_set`, as of now: a fact corrected a moment ago counts."""
        moment = self._moment()
        with self._lock:
            known = self._known.get(feature_set.hash)
            if known is None or known[0] != moment:
                known = moment, frozenset(stale_dates(self._engine, feature_set, self._settings))
                self._known[feature_set.hash] = known
        return known[1]

    def _moment(self) -> Moment:
        changed = sa.select(sa.func.max(ingests.c.ingest_id)).where(ingests.c.n_changed > 0).scalar_subquery()
        done = sa.select(sa.func.max(builds.c.build_id)).where(builds.c.state == "done").scalar_subquery()
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(changed, done)).one()
        return row[0], row[1]
