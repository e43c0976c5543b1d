"""From raw facts to the five builders' frames: pure, and the same whatever dates are asked for."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl

from contracts import tables
from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings
from features.builders import (
    ml_feature_store,
    player_composite_factors,
    player_daily_cache,
    player_shot_zone_analysis,
    team_defense_zone_analysis,
)
from features.builders.injury_list import listed_status
from features.builders.results import gather_results
from features.builders.slate import build_slate, team_schedule
from features.raw.facts import RawFacts

BUILDERS = (
    "team_defense_zone_analysis",
    "player_shot_zone_analysis",
    "player_daily_cache",
    "player_composite_factors",
    "ml_feature_store",
)
"""The five builders, in the order in which they run."""


def compute(
    raw: RawFacts, feature_set: FeatureSet, settings: FeatureSettings, dates: Collection[date] | None = None
) -> dict[str, pl.DataFrame]:
    """Each builder's frame: the columns of its table in contracts.tables, less row_hash, from_build and to_build.

    `dates` restricts the rows that are made, never what they look back on: a row is the same, bit for bit, whatever
    dates are asked for with it. Rows are sorted by game_date, game_id and player_id (team_id for teams).

    Raises RefusedError where box scores lack their schedule row or are of one team only.
    """
    results = gather_results(raw)
    schedule = team_schedule(raw, dates)
    rows = build_slate(raw, results, schedule, settings)
    cutoff = settings.line_cutoff_minutes
    has_shot_zones, has_injuries = "shot-zones" in raw.ingested, "injuries" in raw.ingested
    status = listed_status(raw.injuries, rows, cutoff)
    stars_out = player_composite_factors.count_stars_out(raw, results, schedule, rows, cutoff)

    defense = team_defense_zone_analysis.build(schedule, results, has_shot_zones=has_shot_zones)
    shots = player_shot_zone_analysis.build(rows, results, has_shot_zones=has_shot_zones)
    cache = player_daily_cache.build(rows, schedule, results, raw.players, status, has_injuries=has_injuries)
    factors = player_composite_factors.build(rows, results, cache, shots, defense, stars_out, has_injuries=has_injuries)
    parts = ml_feature_store.Parts(defense=defense, shots=shots, cache=cache, factors=factors)
    store = ml_feature_store.build(rows, raw, results, parts, feature_set, cutoff)
    frames = dict(zip(BUILDERS, (defense, shots, cache, factors, store), strict=True))
    return {name: frame.select(_columns(name, feature_set)) for name, frame in frames.items()}


def _columns(builder: str, feature_set: FeatureSet) -> list[str]:
    table = tables.feature_table(feature_set) if builder == "ml_feature_store" else tables.metadata.tables[builder]
    bookkeeping = ("row_hash", "from_build", "to_build")
    return [column.name for column in table.columns if column.name not in bookkeeping]
