"""Every column and the slate, computed a second time by oracle.sql, agree cell by cell."""

from __future__ import annotations

import polars as pl
import pytest

from contracts.settings import FeatureSettings
from features.builders.compute import compute
from features.feature_sets import load_feature_set
from features.raw.facts import RawFacts
from features.verify.comparison import as_mismatches, find_mismatches
from features.verify.oracle import Answer, ask

SETTINGS = FeatureSettings()
FEATURE_SET = load_feature_set("v2_33features")
FEATURES = FEATURE_SET.names


def check(raw: RawFacts, asked: pl.DataFrame | None = None) -> pl.DataFrame:
    """Holds the feature table of `raw` (of the `asked` games) against the oracle; returns what was compared."""
    store = compute(raw, FEATURE_SET, SETTINGS)["ml_feature_store"]
    if asked is not None:
        store = store.join(asked.select("game_id"), on="game_id", how="semi")
    assert as_mismatches(find_mismatches(store, ask(raw, store, SETTINGS), raw, FEATURE_SET)) == []
    return store


def test_every_cell_of_the_small_league_agrees(small_league: RawFacts) -> None:
    store = check(small_league)
    constant = [name for name in FEATURES if store[name].drop_nulls().n_unique() < 2]
    assert constant == []  # a column that never moves would have proven nothing
    assert set(store["state"]) == {"played", "under_30_seconds", "absent", "scheduled"}


def test_every_cell_agrees_where_box_scores_are_the_only_source(bare_league: RawFacts) -> None:
    store = check(bare_league)
    absent = {name for name in FEATURES if store[name].null_count() == store.height}
    assert absent == {
        *("pct_paint", "pct_mid_range", "injury_risk", "vegas_points_line", "vegas_opening_line", "vegas_line_move")
    }


@pytest.fixture(scope="module")
def store(small_league: RawFacts) -> pl.DataFrame:
    return compute(small_league, FEATURE_SET, SETTINGS)["ml_feature_store"]


@pytest.fixture(scope="module")
def answer(small_league: RawFacts, store: pl.DataFrame) -> Answer:
    return ask(small_league, store, SETTINGS)


@pytest.mark.parametrize("name", [*FEATURES, "minutes", "points", "line", "n_active_games_season"])
def test_the_comparison_sees_one_wrong_cell_in_any_column(
    small_league: RawFacts, store: pl.DataFrame, answer: Answer, name: str
) -> None:
    place = store[name].is_not_null().arg_max()
    cell = pl.int_range(pl.len()) == place
    wrong = store.with_columns(pl.when(cell).then(pl.col(name) + 1e-6).otherwise(name))
    assert _columns(small_league, wrong, answer) == {name}
    lost = store.with_columns(pl.when(~cell).then(name))
    assert _columns(small_league, lost, answer) - {"missing"} == {name}


def test_the_comparison_sees_a_row_too_few_and_one_too_many(
    small_league: RawFacts, store: pl.DataFrame, answer: Answer
) -> None:
    assert _columns(small_league, store[1:], answer) == {"(row)"}
    stranger = store[:1].with_columns(pl.lit(999, pl.Int64).alias("player_id"))
    assert "(row)" in _columns(small_league, pl.concat([store, stranger]), answer)


def _columns(raw: RawFacts, rows: pl.DataFrame, answer: Answer) -> set[str]:
    return set(find_mismatches(rows, answer, raw, FEATURE_SET)["column"])


@pytest.mark.parametrize("seed", [1])
def test_every_cell_agrees_on_sampled_games_of_real_seasons(real_seasons: RawFacts, seed: int) -> None:
    games = real_seasons.games.filter(pl.col("season") == 2023).sort("game_id").sample(40, seed=seed)
    assert check(real_seasons, games).height > 800
