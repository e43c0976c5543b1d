"""Every column and the slate, computed a second time by oracle.sql, agree cell by cell."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

from contracts.settings import FeatureSettings
from features.builders.compute import compute
from features.feature_sets import load_feature_set
from features.raw.facts import RawFacts

SETTINGS = FeatureSettings()
FEATURES = load_feature_set("v2_33features").names
KEPT_WITHOUT_HISTORY = (
    *("games_in_last_7_days", "games_vs_opponent", "home_away", "back_to_back", "playoff_game", "has_vegas_line"),
)


def ask(raw: RawFacts, asked: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The oracle's columns of the `asked` rows, and whom it expects in their games."""
    with duckdb.connect() as connection:
        for name in ("games", "player_games", "shot_zones", "points_lines", "injuries", "players"):
            connection.register(f"{name}_", getattr(raw, name).to_arrow())
            connection.execute(f"CREATE TABLE {name} AS FROM {name}_")
        connection.register("asked_", asked.select("game_id", "player_id", "team_id").to_arrow())
        connection.execute("CREATE TABLE asked AS FROM asked_")
        for name, value in {
            "cutoff_minutes": SETTINGS.line_cutoff_minutes,
            "expected_days": SETTINGS.expected_days,
            "expected_team_games": SETTINGS.expected_team_games,
            "has_shot_zones": "shot-zones" in raw.ingested,
            "has_injuries": "injuries" in raw.ingested,
        }.items():
            connection.execute(f"SET VARIABLE {name} = {value}")
        connection.execute((Path(__file__).parent / "oracle.sql").read_text())
        columns = pl.from_arrow(connection.sql("FROM every_column").to_arrow_table())
        slate = pl.from_arrow(connection.sql("FROM slate").to_arrow_table())
    assert isinstance(columns, pl.DataFrame)
    assert isinstance(slate, pl.DataFrame)
    return columns, slate


def differences(ours: pl.DataFrame, oracle: pl.DataFrame) -> dict[str, list[tuple[object, ...]]]:
    """For each feature the cells in which the two do not agree to a billionth."""
    both = ours.join(oracle, on=["game_id", "player_id"], how="left", suffix="_oracle", validate="1:1")
    found = {}
    for name in FEATURES:
        mine, theirs = pl.col(name), pl.col(f"{name}_oracle").cast(pl.Float64)
        if name not in KEPT_WITHOUT_HISTORY:  # without an active game behind him all others are NULL
            theirs = pl.when("has_history").then(theirs)
        both = both.with_columns(theirs.alias("theirs"))
        apart = (mine.is_null() != pl.col("theirs").is_null()) | ((mine - pl.col("theirs")).abs() > 1e-9)
        wrong = both.filter(apart.fill_null(value=False))
        if wrong.height:
            found[name] = wrong.select("game_id", "player_id", "game_date", name, "theirs").head(3).rows()
    return found


def check(raw: RawFacts, asked: pl.DataFrame | None = None) -> pl.DataFrame:
    """Holds the feature table of `raw` (of the `asked` games) against the oracle; returns what was compared."""
    store = compute(raw, load_feature_set("v2_33features"), SETTINGS)["ml_feature_store"]
    if asked is not None:
        store = store.join(asked.select("game_id"), on="game_id", how="semi")
    columns, slate = ask(raw, store)
    assert differences(store, columns) == {}
    expected = store.filter("is_expected").select("game_id", "player_id").sort("game_id", "player_id")
    assert expected.equals(slate.select(pl.col("game_id"), pl.col("player_id")).sort("game_id", "player_id"))
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
    return compute(small_league, load_feature_set("v2_33features"), SETTINGS)["ml_feature_store"]


@pytest.mark.parametrize("name", FEATURES)
def test_the_comparison_sees_one_wrong_cell_in_any_column(store: pl.DataFrame, name: str) -> None:
    oracle = store.with_columns(pl.lit(value=True).alias("has_history"))
    place = store[name].is_not_null().arg_max()
    cell = pl.int_range(pl.len()) == place
    assert differences(store.with_columns(pl.when(cell).then(pl.col(name) + 1e-6).otherwise(name)), oracle).keys() == {
        name
    }
    assert differences(store.with_columns(pl.when(~cell).then(name)), oracle).keys() == {name}


@pytest.mark.parametrize("seed", [1])
def test_every_cell_agrees_on_sampled_games_of_real_seasons(real_seasons: RawFacts, seed: int) -> None:
    games = real_seasons.games.filter(pl.col("season") == 2023).sort("game_id").sample(40, seed=seed)
    assert check(real_seasons, games).height > 800
