"""Every column and the slate, computed a second time in SQL, agree cell by cell."""

from __future__ import annotations

import polars as pl
import pytest

from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings
from features import definitions_v3
from features.builders.compute import compute
from features.definitions import DEFINITIONS
from features.feature_sets import feature_set_names, load_feature_set
from features.raw.facts import RawFacts
from features.verify.comparison import as_mismatches, checked_features, find_mismatches
from features.verify.oracle import Answer, ask

SETTINGS = FeatureSettings()
V2 = load_feature_set("v2_33features")
EVERYTHING = FeatureSet("everything", tuple(DEFINITIONS.values()), accept_closing_game_lines=True)
"""Every feature there is, at once."""


def check(raw: RawFacts, feature_set: FeatureSet, asked: pl.DataFrame | None = None) -> pl.DataFrame:
    """Holds the feature table of `raw` (of the `asked` games) against the oracle; returns what was compared."""
    store = compute(raw, feature_set, SETTINGS)["ml_feature_store"]
    if asked is not None:
        store = store.join(asked.select("game_id"), on="game_id", how="semi")
    answer = ask(raw, store, feature_set, SETTINGS)
    assert checked_features(answer, feature_set) == feature_set.names
    assert as_mismatches(find_mismatches(store, answer, raw, feature_set)) == []
    return store


@pytest.mark.parametrize("name", feature_set_names())
def test_every_cell_of_the_small_league_agrees_in_every_shipped_set(small_league: RawFacts, name: str) -> None:
    store = check(small_league, load_feature_set(name))
    constant = [name for name in load_feature_set(name).names if store[name].drop_nulls().n_unique() < 2]
    assert constant == []  # a column that never moves would have proven nothing
    assert set(store["state"]) == {"played", "under_30_seconds", "absent", "scheduled"}


def test_every_cell_agrees_where_box_scores_are_the_only_source(bare_league: RawFacts) -> None:
    store = check(bare_league, EVERYTHING)
    absent = {name for name in EVERYTHING.names if store[name].null_count() == store.height}
    assert absent == {
        *("pct_paint", "pct_mid_range", "injury_risk", "vegas_points_line", "vegas_opening_line", "vegas_line_move"),
        *definitions_v3.SOURCES,
    }


@pytest.fixture(scope="module")
def store(small_league: RawFacts) -> pl.DataFrame:
    return compute(small_league, EVERYTHING, SETTINGS)["ml_feature_store"]


@pytest.fixture(scope="module")
def answer(small_league: RawFacts, store: pl.DataFrame) -> Answer:
    return ask(small_league, store, EVERYTHING, SETTINGS)


def test_the_script_of_v3_runs_only_where_a_set_names_its_features(small_league: RawFacts, store: pl.DataFrame) -> None:
    of_v2 = ask(small_league, store.head(0), V2, SETTINGS)
    assert not set(of_v2.columns.columns) & {feature.name for feature in definitions_v3.FEATURES}


CHECKED = [*EVERYTHING.names, "minutes", "points", "line", "n_active_games_season"]


def test_the_comparison_sees_one_wrong_cell_in_every_column_and_nothing_else(
    small_league: RawFacts, store: pl.DataFrame, answer: Answer
) -> None:
    cells = _first_cells(store)
    wrong = store.with_columns(pl.when(cell).then(pl.col(name) + 1e-6).otherwise(name) for name, cell in cells.items())
    assert _places(small_league, wrong, answer) == _named(store, cells)


def test_the_comparison_sees_one_lost_cell_in_every_column_and_nothing_else(
    small_league: RawFacts, store: pl.DataFrame, answer: Answer
) -> None:
    cells = _first_cells(store)
    lost = store.with_columns(pl.when(~cell).then(name) for name, cell in cells.items())
    found = {place for place in _places(small_league, lost, answer) if place[0] != "missing"}
    assert found == _named(store, cells)


def test_the_comparison_sees_a_row_too_few_and_one_too_many(
    small_league: RawFacts, store: pl.DataFrame, answer: Answer
) -> None:
    assert _columns(small_league, store[1:], answer) == {"(row)"}
    stranger = store[:1].with_columns(pl.lit(999, pl.Int64).alias("player_id"))
    assert "(row)" in _columns(small_league, pl.concat([store, stranger]), answer)


def _first_cells(store: pl.DataFrame) -> dict[str, pl.Expr]:
    """Column -> whether a row is the first that has a value there."""
    return {name: pl.int_range(pl.len()) == store[name].is_not_null().arg_max() for name in CHECKED}


def _named(store: pl.DataFrame, cells: dict[str, pl.Expr]) -> set[tuple[object, ...]]:
    rows = {name: store.filter(cell).select("game_id", "player_id").row(0) for name, cell in cells.items()}
    return {(name, *row) for name, row in rows.items()}


def _places(raw: RawFacts, rows: pl.DataFrame, answer: Answer) -> set[tuple[object, ...]]:
    """Column, game and player of every cell that differs."""
    found = find_mismatches(rows, answer, raw, EVERYTHING)
    return set(found.select("column", "game_id", "player_id").iter_rows())


def _columns(raw: RawFacts, rows: pl.DataFrame, answer: Answer) -> set[str]:
    return set(find_mismatches(rows, answer, raw, EVERYTHING)["column"])


@pytest.mark.parametrize("seed", [1])
def test_every_cell_agrees_on_sampled_games_of_real_seasons(real_seasons: RawFacts, seed: int) -> None:
    games = real_seasons.games.filter(pl.col("season") == 2023).sort("game_id").sample(40, seed=seed)
    assert check(real_seasons, V2, games).height > 800
