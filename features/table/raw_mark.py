"""Whether any raw fact has changed since its dates were last hashed: told by a mark that the database itself changes.

Triggers on every raw table give the mark a new random value with each change, whoever makes it: an ingest, a
correction, a statement typed by hand. While it is the same, so are the facts, and what was expected of them need not be
worked out again. Where a trigger is missing or switched off, nothing is taken for known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date

import sqlalchemy as sa

from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings
from contracts.tables import RAW_TABLES, expected_inputs, raw_mark
from features.table.builds import hash_of_sources
from features.table.inputs import CLOSING_LINES, is_used

_WATCHED = {
    "sqlite": "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' "
    "AND name IN ('raw_mark_' || tbl_name || '_insert', 'raw_mark_' || tbl_name || '_update', "
    "'raw_mark_' || tbl_name || '_delete') GROUP BY tbl_name HAVING count(*) = 3",
    "postgresql": "SELECT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
    "WHERE pg_table_is_visible(tgrelid) AND tgname = 'raw_mark_' || relname AND tgenabled IN ('O', 'A')",
}
"""The tables whose every change changes the mark."""


def read_mark(connection: sa.Connection) -> str | None:
    """The mark of the raw facts, to be read before them; None where a raw table could change without it."""
    watched = set(connection.execute(sa.text(_WATCHED[connection.dialect.name])).scalars())
    if not watched.issuperset(RAW_TABLES):
        return None
    return connection.execute(sa.select(raw_mark.c.mark)).scalar()


def recall(connection: sa.Connection, feature_set: FeatureSet, settings: FeatureSettings) -> dict[date, str] | None:
    """What `inputs_hashes` says of the raw facts as they are now; None where that is not known."""
    mark = read_mark(connection)
    if mark is None:
        return None
    is_known = (expected_inputs.c.asked == _asked(feature_set, settings), expected_inputs.c.mark == mark)
    hashes = connection.execute(sa.select(expected_inputs.c.hashes).where(*is_known)).scalar()
    return None if hashes is None else {date.fromisoformat(day): each for day, each in hashes.items()}


def remember(
    connection: sa.Connection,
    mark: str,
    feature_set: FeatureSet,
    settings: FeatureSettings,
    hashes: Mapping[date, str],
) -> None:
    """Keep what `inputs_hashes` said of raw facts that were read after `mark` was; what is of other marks goes."""
    asked = _asked(feature_set, settings)
    is_past = sa.or_(expected_inputs.c.mark != mark, expected_inputs.c.asked == asked)
    connection.execute(sa.delete(expected_inputs).where(is_past))
    told = {day.isoformat(): each for day, each in hashes.items()}
    connection.execute(sa.insert(expected_inputs).values(asked=asked, mark=mark, hashes=told))


def _asked(feature_set: FeatureSet, settings: FeatureSettings) -> str:
    """SHA-256 (hex) of all that hashes depend on beside the facts: settings, what the set may know, the code."""
    question = (
        hash_of_sources("features.table.inputs"),
        is_used(CLOSING_LINES, feature_set),
        sorted(settings.model_dump(mode="json").items()),
    )
    return hashlib.sha256(repr(question).encode()).hexdigest()
