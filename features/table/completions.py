"""What a backfill tells of itself: for each builder and date an event, recorded with the rows that it is about."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import sqlalchemy as sa

from contracts.database import writing
from contracts.events import FEATURES_COMPLETED, record_events
from contracts.feature_set import FeatureSet
from features.builders.compute import BUILDERS
from features.table.units import Unit

COMPLETE, FAILED = "complete", "failed"


def record_completions(
    connection: sa.Connection, feature_set: FeatureSet, build_id: int, n_rows: Mapping[Unit, int]
) -> None:
    """An event for each unit of `n_rows` (unit -> rows), in the transaction that writes those rows.

    It is told when the build is done.
    """
    _record(connection, feature_set, build_id, n_rows, COMPLETE)


def record_failure(engine: sa.Engine, feature_set: FeatureSet, build_id: int, dates: Collection[date]) -> None:
    """The build, which has failed, was to build these dates: an event for each builder and date.

    What it recorded of the chunks before stays, and is told before: the later word counts.
    """
    with writing(engine) as connection:
        nothing = {(builder, day): 0 for day in sorted(dates) for builder in BUILDERS}
        _record(connection, feature_set, build_id, nothing, FAILED)


def _record(
    connection: sa.Connection, feature_set: FeatureSet, build_id: int, n_rows: Mapping[Unit, int], status: str
) -> None:
    same = {"status": status, "feature_set": feature_set.name, "build_id": build_id}
    data = [
        {"game_date": day.isoformat(), "builder": builder, "rows": rows, **same}
        for (builder, day), rows in sorted(n_rows.items(), key=lambda unit: (unit[0][1], unit[0][0]))
    ]
    record_events(connection, FEATURES_COMPLETED, feature_set.name, data, build_id=build_id)
