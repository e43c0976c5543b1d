"""The state of the feature table: per builder and season what is expected, done, missing and stale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from contracts.clock import season_name
from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from features.builders.compute import BUILDERS
from features.feature_sets import feature_set_names, load_feature_set
from features.raw.facts import RawFacts, read_raw
from features.table.builds import current_build
from features.table.units import Standing, stale_dates, standing

__all__ = ["Status", "stale_dates", "status"]


@dataclass(frozen=True)
class Status:
    """How far the feature table of `feature_set` is.

    builders: one mapping a builder and season with builder, season ('2023-24') and, in game dates, expected, done,
    missing and stale (expected = done + missing + stale). complete: something is expected and all of it is done.
    feature_sets: one mapping a known set with name, hash and built (whether a build of it is done).
    """

    feature_set: str
    builders: list[dict[str, Any]]
    complete: bool
    feature_sets: list[dict[str, Any]]


def status(engine: sa.Engine, settings: Settings, feature_set: FeatureSet | None = None) -> Status:
    """How far `feature_set` (None: the one that training uses) is, and which sets there are."""
    chosen = feature_set or load_feature_set(settings.training.feature_set)
    with engine.connect() as connection:
        raw = read_raw(connection)
        found = standing(connection, raw, chosen, settings)
    known = [load_feature_set(name) for name in feature_set_names()]
    return Status(
        feature_set=chosen.name,
        builders=_count(raw, found),
        complete=bool(found.expected) and not found.to_do and not found.vanished and not found.unfinished,
        feature_sets=[
            {"name": each.name, "hash": each.hash, "built": current_build(engine, each) is not None} for each in known
        ],
    )


def _count(raw: RawFacts, found: Standing) -> list[dict[str, Any]]:
    seasons = dict(raw.games.select("game_date", "season").unique().iter_rows())
    counts = []
    for builder in BUILDERS:
        for season in sorted({seasons[day] for day in found.expected}):
            units = [(builder, day) for day in found.expected if seasons[day] == season]
            done, stale = sum(unit in found.done for unit in units), sum(unit in found.stale for unit in units)
            counts.append(
                {
                    "builder": builder,
                    "season": season_name(season),
                    "expected": len(units),
                    "done": done,
                    "missing": len(units) - done - stale,
                    "stale": stale,
                }
            )
    return counts
