"""Features that the feature table alone keeps; a theme is computed where the set names a feature of it."""

from __future__ import annotations

import polars as pl

from contracts.feature_set import FeatureSet
from features import definitions_v3 as v3
from features.builders.attendance import attendance
from features.builders.books import told_by_books
from features.builders.columns import keep_where
from features.builders.decayed_form import decayed_form
from features.builders.league import League
from features.builders.market import market
from features.builders.opponent import opponent_form
from features.builders.rebounds import rebound_form
from features.builders.recent_games import recent_games
from features.builders.results import Results
from features.builders.team_mates import left_by_team_mates
from features.builders.windows import Past
from features.raw.facts import RawFacts


def build_themes(
    rows: pl.DataFrame, raw: RawFacts, results: Results, league: League, feature_set: FeatureSet
) -> list[pl.Series]:
    """The features of every theme that `feature_set` needs, in the order of `rows`.

    All are NULL without an active game behind the player.
    """
    if not v3.is_named(v3.FEATURES, feature_set):
        return []
    squares = (pl.col("minutes") * pl.col("minutes")).alias("minutes_squared")
    games = Past(results.active_games.with_columns(squares), rows, ["player_id"])
    built: list[pl.Series] = []
    if v3.is_named(v3.DECAYED_FORM, feature_set):
        built += decayed_form(games)
    if v3.is_named(v3.RECENT_GAMES, feature_set):
        built += recent_games(games)
    if v3.is_named(v3.REBOUND_FORM, feature_set):
        built += rebound_form(rows, results, games)
    if v3.is_named(v3.ATTENDANCE, feature_set):
        built += attendance(rows, results, games)
    if v3.is_named(v3.MARKET, feature_set):
        built += market(rows, raw.game_lines, results)
    if v3.is_named(v3.OPPONENT, feature_set):
        built += opponent_form(rows, results)
    if league.team_mates is not None:
        built += left_by_team_mates(rows, league.team_mates, has_injuries="injuries" in raw.ingested)
        if league.lines is not None:
            built += told_by_books(rows, league.lines, league.team_mates)
    has_history = games.whole().n_games > 0
    return [keep_where(has_history, values) for values in built]
