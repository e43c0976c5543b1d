"""What the raw facts were when a build was made: kind by kind, a digest a date, kept only where it changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import polars as pl
import sqlalchemy as sa

from contracts.database import insert_frame, read_frame
from contracts.settings import FeatureSettings
from contracts.tables import builds, raw_digests
from features.table.inputs import DayFacts, settings_hash

DIGEST_BYTES = 8
"""Enough to see that a date's facts changed; what makes rows stale is the whole hash."""

Found = Mapping[tuple[str, date], str]
"""Kind and date -> digest of the facts."""


def record_inputs(
    connection: sa.Connection,
    build_id: int,
    facts: Sequence[DayFacts],
    settings: FeatureSettings,
    ingested: Collection[str],
) -> None:
    """Keep for build `build_id` its settings' hash, the kinds ever ingested, and which dates' facts changed."""
    inputs = {"settings_hash": settings_hash(settings), "ingested": sorted(ingested)}
    connection.execute(sa.update(builds).where(builds.c.build_id == build_id).values(inputs=inputs))
    now = {(each.kind, day): digest[:DIGEST_BYTES].hex() for each in facts for day, digest in each.digests.items()}
    before = raw_digests_at(connection, build_id)
    changed = [
        {"kind": kind, "game_date": day, "from_build": build_id, "digest": now.get((kind, day))}
        for kind, day in sorted(before.keys() | now.keys())
        if before.get((kind, day)) != now.get((kind, day))
    ]
    schema = {"kind": pl.String, "game_date": pl.Date, "from_build": pl.Int64, "digest": pl.String}
    insert_frame(connection, raw_digests, pl.DataFrame(changed, schema=schema))


def raw_digests_at(connection: sa.Connection, build_id: int) -> Found:
    """The raw facts as build `build_id` found them; empty where it is older than this record."""
    rows = read_frame(connection, sa.select(raw_digests).where(raw_digests.c.from_build <= build_id))
    newest = rows.sort("from_build").unique(["kind", "game_date"], keep="last").drop_nulls("digest")
    return {(kind, day): digest for kind, day, digest in newest.select("kind", "game_date", "digest").iter_rows()}
