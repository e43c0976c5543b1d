"""From raw facts to the five builders' frames: pure, and the same whatever dates are asked for."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from functools import partial

import polars as pl

from contracts import tables
from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings
from features.builders.league import prepare_league
from features.builders.players import ORDER, apart, build_players
from features.builders.spread import Spread, in_one_piece
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
    raw: RawFacts,
    feature_set: FeatureSet,
    settings: FeatureSettings,
    dates: Collection[date] | None = None,
    *,
    spread: Spread = in_one_piece,
) -> dict[str, pl.DataFrame]:
    """Each builder's frame: the columns of its table in contracts.tables, less those that say which builds see a row.

    `dates` restricts the rows that are made, never what they look back on: a row is the same, bit for bit, whatever
    dates are asked for with it, and however the work is `spread`. Rows are sorted by game_date, game_id and player_id
    (team_id for teams).

    Raises RefusedError where box scores lack their schedule row or are of one team only.
    """
    league = prepare_league(raw, feature_set, settings, dates, spread)
    build = partial(build_players, league=league, feature_set=feature_set, settings=settings)
    players = spread(build, raw, "player_id", ORDER)
    frames = {BUILDERS[0]: league.defense} | {name: apart(players, name) for name in BUILDERS[1:]}
    return {name: frame.select(_columns(name, feature_set)) for name, frame in frames.items()}


def _columns(builder: str, feature_set: FeatureSet) -> list[str]:
    table = tables.feature_table(feature_set) if builder == "ml_feature_store" else tables.metadata.tables[builder]
    bookkeeping = ("row_hash", "from_build", "to_build", "settled_build")
    return [column.name for column in table.columns if column.name not in bookkeeping]
