"""A row is the same whatever else was computed with it: in how many pieces, and with which dates."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from contracts.settings import FeatureSettings
from features.builders.compute import compute
from features.engines.pieces import in_buckets, tables_to_cut, without_rows
from features.feature_sets import load_feature_set

SET = load_feature_set("v2_33features")
SETS = ["v2_33features", "v3_78features"]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("league", ["small_league", "bare_league"])
@pytest.mark.parametrize("n_buckets", [1, 3, 8])
def test_the_number_of_buckets_changes_no_bit(request, league, n_buckets, name):
    raw, feature_set = request.getfixturevalue(league), load_feature_set(name)
    whole = compute(raw, feature_set, FeatureSettings())
    pieces = compute(raw, feature_set, FeatureSettings(), spread=in_buckets(n_buckets))
    _assert_same(pieces, whole)


def test_buckets_and_single_dates_together_change_no_bit(small_league):
    whole = compute(small_league, SET, FeatureSettings())
    days = whole["ml_feature_store"]["game_date"].unique().sort()[-6::2].to_list()
    pieces = compute(small_league, SET, FeatureSettings(), days, spread=in_buckets(3))
    _assert_same(pieces, {name: frame.filter(pl.col("game_date").is_in(days)) for name, frame in whole.items()})


def test_the_real_seasons_are_the_same_in_pieces(real_seasons):
    days = real_seasons.games["game_date"].unique().sort()[40::40].to_list()
    whole = compute(real_seasons, SET, FeatureSettings(), days)
    _assert_same(compute(real_seasons, SET, FeatureSettings(), days, spread=in_buckets(3)), whole)


@pytest.mark.parametrize("name", SETS)
def test_an_empty_piece_has_no_rows_and_the_same_columns(small_league, name):
    """What Spark is told of each stage's result before anything runs."""
    stages = []

    def spread(stage, raw, key, order):
        whole, empty = stage(raw), stage(without_rows(raw, key))
        assert empty.height == 0
        assert empty.schema == whole.schema
        assert whole.select(order).n_unique() == whole.height
        assert whole.sort(order).equals(whole)
        stages.append(stage)
        return whole

    compute(small_league, load_feature_set(name), FeatureSettings(), spread=spread)
    assert len(stages) >= 3


def test_a_row_that_looks_at_other_players_differs_in_pieces(small_league):
    """What the tests above would notice: a stage that takes what it was given for all there is."""

    def rank_among_all(raw):
        return raw.player_games.select("game_id", "player_id", pl.col("points").rank("ordinal")).sort(order)

    order = ("game_id", "player_id")
    whole = rank_among_all(small_league)
    assert not in_buckets(3)(rank_among_all, small_league, "player_id", order).equals(whole)
    assert in_buckets(1)(rank_among_all, small_league, "player_id", order).equals(whole)


def test_tables_are_cut_by_the_key_they_have(small_league):
    assert set(tables_to_cut(small_league, "player_id")) == {
        "player_games", "shot_zones", "points_lines", "injuries", "players",
    }  # fmt: skip
    assert set(tables_to_cut(small_league, "game_id")) == {
        "games", "player_games", "shot_zones", "points_lines", "game_lines",
    }  # fmt: skip


def _assert_same(found, expected):
    assert list(found) == list(expected)
    for name, frame in expected.items():
        assert frame.height
        assert_frame_equal(found[name], frame, check_exact=True)
