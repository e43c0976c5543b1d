"""Stored feature rows kept in memory: of one build and one state of the facts, never of an earlier one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from serving.freshness import Freshness
from serving.live import LiveModel
from serving.lookup import Key, StoredRows, find_rows, find_slate
from serving.moments import Moment
from serving.predictor import FeatureRow, RowFault

MOST_ROWS = 10_000
MOST_SLATES = 32

Entry = tuple[FeatureRow | RowFault, date | None]
"""A row and its game date; None of one that is not in the feature table."""


class RowCache:
    """Answers for rows by ids and for slates; what is not known is read in one query and kept.

    Each question first asks the database for its moment: the newest ingest that changed a fact and the newest build.
    What was read at another moment is forgotten whole, so that a correction or a new build is never answered from
    here. Rows that are not there are not kept. Safe for threads.
    """

    def __init__(self, engine: sa.Engine, freshness: Freshness) -> None:
        self._engine = engine
        self._freshness = freshness
        self._lock = threading.Lock()
        self._moment: Moment | None = None
        self._rows: OrderedDict[tuple[str, Key], Entry] = OrderedDict()
        self._slates: OrderedDict[tuple[str, date], StoredRows] = OrderedDict()

    @property
    def freshness(self) -> Freshness:
        """What tells which rows are stale."""
        return self._freshness

    def rows(self, live: LiveModel, keys: Sequence[Key]) -> StoredRows:
        """What `find_rows` says of `keys`."""
        moment, digest = self._arrive(self._freshness.moment()), live.version.feature_set_hash
        found = self._known(digest, keys)
        absent = [key for key in dict.fromkeys(keys) if key not in found]
        if absent:
            stored = find_rows(self._engine, live.feature_set, absent, self._freshness.stale(live.feature_set, moment))
            there = [key for key in absent if key in stored.game_dates]
            read = {key: (row, stored.game_dates.get(key)) for key, row in zip(absent, stored.rows, strict=True)}
            self._keep(moment, self._rows, {(digest, key): read[key] for key in there}, MOST_ROWS)
            found |= read
        return _in_order(found, keys)

    def rows_at_once(self, live: LiveModel, keys: Sequence[Key]) -> StoredRows | None:
        """`rows`, or None where telling may take time: one is not known, or nothing is before a server is asked.

        Raises UnavailableError where the database's file is gone.
        """
        moment = self._freshness.moment_at_once()
        if moment is None:
            return None
        self._arrive(moment)
        found = self._known(live.version.feature_set_hash, keys)
        return _in_order(found, keys) if all(key in found for key in keys) else None

    def slate(self, live: LiveModel, game_date: date) -> StoredRows:
        """What `find_slate` says of `game_date`.

        Raises NoGamesError where nobody is expected.
        """
        moment, key = self._arrive(self._freshness.moment()), (live.version.feature_set_hash, game_date)
        with self._lock:
            known = self._slates.get(key)
        if known is not None:
            return known
        stale = self._freshness.stale(live.feature_set, moment)
        found = find_slate(self._engine, live.feature_set, game_date, stale)
        self._keep(moment, self._slates, {key: found}, MOST_SLATES)
        return found

    def _known(self, digest: str, keys: Sequence[Key]) -> dict[Key, Entry]:
        """Those of `keys` that are in the memory."""
        with self._lock:
            return {key: entry for key in keys if (entry := self._rows.get((digest, key))) is not None}

    def _arrive(self, moment: Moment) -> Moment:
        """`moment`, which is now; what is known of another is dropped."""
        with self._lock:
            if moment != self._moment:
                self._moment = moment
                self._rows.clear()
                self._slates.clear()
        return moment

    def _keep(self, moment: Moment, shelf: OrderedDict[Any, Any], entries: dict[Any, Any], most: int) -> None:
        """Put `entries` on the shelf, unless the database has moved on since they were asked for."""
        with self._lock:
            if moment == self._moment:
                shelf.update(entries)
            while len(shelf) > most:
                shelf.popitem(last=False)


def _in_order(found: dict[Key, Entry], keys: Sequence[Key]) -> StoredRows:
    dates = {key: game_date for key, (_, game_date) in found.items() if game_date is not None}
    return StoredRows([found[key][0] for key in keys], dates)
