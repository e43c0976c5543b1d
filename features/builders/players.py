"""The four builders of a player's rows, for any set of whole players."""

from __future__ import annotations

import polars as pl

from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings
from features.builders import ml_feature_store, player_composite_factors, player_daily_cache, player_shot_zone_analysis
from features.builders.columns import PLAYER_ROW
from features.builders.injury_list import listed_status
from features.builders.league import League
from features.builders.points_lines import lines_at_cut_off
from features.builders.results import gather_results
from features.builders.slate import build_slate
from features.builders.themes import build_themes
from features.raw.facts import RawFacts

ORDER = ("game_date", "game_id", "player_id")
"""How the rows are sorted."""


def build_players(raw: RawFacts, league: League, feature_set: FeatureSet, settings: FeatureSettings) -> pl.DataFrame:
    """The rows of the players in `raw`, who must be whole: PLAYER_ROW, then each builder's columns as 'builder.column'.

    `apart` gives a builder's frame back. The builders' rows are the same player-games, in ORDER.
    """
    results = gather_results(raw, league.team_games)
    rows = build_slate(raw, results, league.schedule, settings)
    cutoff = settings.line_cutoff_minutes
    has_shot_zones, has_injuries = "shot-zones" in raw.ingested, "injuries" in raw.ingested
    lines = lines_at_cut_off(raw.points_lines, raw.games, rows, cutoff)  # first: snapshots are many, rows few as yet
    status = listed_status(raw.injuries, rows, cutoff)
    stars_out = player_composite_factors.count_stars_out(rows, league.stars_out)

    shots = player_shot_zone_analysis.build(rows, results, has_shot_zones=has_shot_zones)
    cache = player_daily_cache.build(rows, results, league.form, raw.players, status, has_injuries=has_injuries)
    factors = player_composite_factors.build(
        rows, results, cache, shots, league.defense, stars_out, has_injuries=has_injuries
    )
    themes = build_themes(rows, raw, results, league, feature_set)
    parts = ml_feature_store.Parts(
        lines=lines, defense=league.defense, shots=shots, cache=cache, factors=factors, themes=themes
    )
    store = ml_feature_store.build(rows, raw, results, parts, feature_set)
    return _side_by_side(
        player_shot_zone_analysis=shots,
        player_daily_cache=cache,
        player_composite_factors=factors,
        ml_feature_store=store,
    )


def apart(players: pl.DataFrame, builder: str) -> pl.DataFrame:
    """The frame of one builder out of what build_players returns."""
    prefix = f"{builder}."
    own = (name for name in players.columns if name.startswith(prefix))
    return players.select(*PLAYER_ROW, *(pl.col(name).alias(name.removeprefix(prefix)) for name in own))


def _side_by_side(**frames: pl.DataFrame) -> pl.DataFrame:
    keys = next(iter(frames.values())).select(PLAYER_ROW)
    values = (frame.drop(PLAYER_ROW).select(pl.all().name.prefix(f"{name}.")) for name, frame in frames.items())
    return pl.concat([keys, *values], how="horizontal")
