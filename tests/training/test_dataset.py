"""What is learned from is named row by row, and nothing sparse, stale or impossible gets through."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.database import open_database
from contracts.errors import RefusedError, UnavailableError, UsageError
from contracts.feature_set import Feature, FeatureSet
from contracts.settings import Settings, TrainingSettings
from features.feature_sets import load_feature_set
from training.dataset import Dataset, choose_columns, load_dataset, make_dataset, refuse_low_coverage

FeatureRows = Callable[..., pl.DataFrame]


def made(frame: pl.DataFrame, feature_set: FeatureSet, population: str = "played", target: str = "points") -> Dataset:
    return make_dataset(frame, feature_set, target=target, population=population, build_id=4)


def test_rows_without_a_result_are_no_rows_to_learn_from(feature_rows: FeatureRows, feature_set: FeatureSet) -> None:
    frame = feature_rows()
    dataset = made(frame, feature_set)
    assert dataset.frame.height == frame.filter(pl.col("state") == "played").height < frame.height
    assert dataset.frame["target"].null_count() == 0


def test_under_thirty_seconds_is_not_played(feature_rows: FeatureRows, feature_set: FeatureSet) -> None:
    frame = feature_rows().with_columns(
        state=pl.when(pl.col("state") == "absent").then(pl.lit("under_30_seconds")).otherwise("state"),
        points=pl.col("points").fill_null(0.0),
    )
    assert made(frame, feature_set).frame["state"].unique().to_list() == ["played"]


def test_the_population_says_which_rows_the_model_is_for(feature_rows: FeatureRows, feature_set: FeatureSet) -> None:
    early, played = (made(feature_rows(), feature_set, name) for name in ("early", "played"))
    assert (early.in_population ^ played.in_population).all()
    assert early.frame.filter(early.in_population)["n_active_games_season"].max() == 4


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_hash_is_the_rows_whatever_their_order(
    feature_rows: FeatureRows, feature_set: FeatureSet, seed: int
) -> None:
    frame = feature_rows(n_dates=8)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=seed)
    assert made(shuffled, feature_set).sha256 == made(frame, feature_set).sha256


@pytest.mark.parametrize("row", [0, 117, -1])
@pytest.mark.parametrize("column", ["points", "points_avg_season", "home_away", "player_id", "game_id", "game_date"])
def test_any_changed_value_of_any_row_changes_the_hash(
    feature_rows: FeatureRows, feature_set: FeatureSet, column: str, row: int
) -> None:
    frame = feature_rows().filter(pl.col("state") == "played", pl.col("points_avg_season").is_not_null())
    place = row % frame.height
    values = frame[column].to_list()
    values[place] = {"game_id": "0099999999"}.get(column, values[0] if place else values[-1])
    if column in ("points", "points_avg_season", "home_away"):
        values[place] = frame[column][place] + 2.0**-40 if column != "home_away" else None
    if column == "player_id":
        values[place] = 77
    changed = frame.with_columns(pl.Series(column, values, dtype=frame.schema[column]))
    assert not changed.equals(frame)
    assert made(changed, feature_set).sha256 != made(frame, feature_set).sha256


def test_the_hash_tells_missing_from_zero_and_one_target_from_another(
    feature_rows: FeatureRows, feature_set: FeatureSet
) -> None:
    frame = feature_rows(n_dates=8)
    assert made(frame.with_columns(home_away=0.0), feature_set).sha256 == (
        made(frame.with_columns(home_away=-0.0), feature_set).sha256
    )
    assert made(frame.with_columns(home_away=0.0), feature_set).sha256 != (
        made(frame.with_columns(home_away=pl.lit(None, pl.Float64)), feature_set).sha256
    )
    other = frame.with_columns(rebounds=pl.col("points"))
    assert made(other, feature_set).sha256 != made(other, feature_set, target="rebounds").sha256


def test_a_missing_value_is_nan_in_the_matrix(feature_rows: FeatureRows, feature_set: FeatureSet) -> None:
    dataset = made(feature_rows(n_dates=3), feature_set)
    matrix = dataset.matrix(feature_set.names)
    assert matrix.dtype == np.float64
    assert np.isnan(matrix[:, 3]).all()
    assert np.isnan(matrix[dataset.dates == np.datetime64("2023-11-01"), 0]).all()


def test_a_column_without_a_value_in_the_learned_rows_is_absent(
    feature_rows: FeatureRows, feature_set: FeatureSet
) -> None:
    """Known from December on is not known for what November teaches."""
    later = pl.col("game_date") >= pl.date(2023, 12, 1)
    frame = feature_rows().with_columns(home_away=pl.when(later).then("home_away"))
    dataset = made(frame, feature_set)
    columns = choose_columns(dataset, dataset.dates < np.datetime64("2023-12-01"))
    assert columns.absent == ["home_away", "never_known"]
    assert columns.present == ["points_avg_season", "points_avg_last_10"]
    assert columns.coverage["points_avg_season"] == pytest.approx(29 / 30, abs=0.01)


def test_a_column_that_is_only_copied_is_there_where_any_row_has_a_value(
    feature_rows: FeatureRows, feature_set: FeatureSet
) -> None:
    later = pl.col("game_date") >= pl.date(2023, 12, 1)
    dataset = made(feature_rows().with_columns(home_away=pl.when(later).then("home_away")), feature_set)
    november = dataset.dates < np.datetime64("2023-12-01")
    columns = choose_columns(dataset, november, ["home_away", "never_known", "of_another_set"])
    assert columns.absent == ["never_known"]
    assert "home_away" in columns.present
    assert columns.coverage["home_away"] == 0


def test_every_sparse_column_in_use_is_named_with_its_share_and_limit(
    feature_rows: FeatureRows, feature_set: FeatureSet
) -> None:
    frame = feature_rows().with_columns(
        home_away=pl.when(pl.col("player_id") < 1015).then("home_away"),
        points_avg_season=pl.when(pl.col("player_id") < 1003).then("points_avg_season"),
    )
    dataset = made(frame, feature_set)
    columns = choose_columns(dataset, dataset.in_population)
    with pytest.raises(RefusedError, match=r"points_avg_season has values in \d+\.\d% .*home_away .* 60%.*backfill"):
        refuse_low_coverage(columns, columns.present, TrainingSettings())
    lenient = TrainingSettings(min_coverage_of={"home_away": 0.4, "points_avg_season": 0.0})
    refuse_low_coverage(columns, columns.present, lenient)
    refuse_low_coverage(columns, ["points_avg_last_10"], TrainingSettings())


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_value_that_is_not_finite_is_refused(
    feature_rows: FeatureRows, feature_set: FeatureSet, value: float
) -> None:
    frame = feature_rows().with_columns(
        home_away=pl.when(pl.col("player_id") == 1001).then(value).otherwise("home_away")
    )
    with pytest.raises(RefusedError, match=r"home_away in \d+ rows"):
        made(frame, feature_set)


def test_an_unknown_target_or_population_is_wrong_usage(feature_rows: FeatureRows, feature_set: FeatureSet) -> None:
    with pytest.raises(UsageError, match=r"'pionts'.*rebounds"):
        made(feature_rows(), feature_set, target="pionts")
    with pytest.raises(UsageError, match="'starters' is not a population"):
        made(feature_rows(), feature_set, population="starters")


def test_a_result_of_the_game_is_never_a_feature(feature_rows: FeatureRows) -> None:
    leaky = FeatureSet("leaky", (Feature("minutes", "x", "Minutes of this very game."),))
    with pytest.raises(RefusedError, match="results of the game itself as features: minutes"):
        made(feature_rows(), leaky)


def test_a_table_that_was_never_built_is_named_with_its_remedy(tmp_path: object) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(UnavailableError, match="tipoff features backfill --feature-set v2_33features"):
        load_dataset(engine, load_feature_set("v2_33features"), Settings(), population="played")


def test_stale_rows_are_refused_until_they_are_built_again(copied: Callable[[], sa.Engine]) -> None:
    """Box scores changed after the build: the rows after them know something that is no longer so."""
    engine = copied()
    feature_set = load_feature_set("v2_33features")
    load_dataset(engine, feature_set, Settings(), population="played")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE player_games SET assists = assists + 1, turnovers = turnovers + 3"))
    with pytest.raises(RefusedError, match=r"stale.*tipoff features backfill --feature-set v2_33features"):
        load_dataset(engine, feature_set, Settings(), population="played")


def test_only_the_asked_dates_are_read(league: object) -> None:
    feature_set = load_feature_set("v2_33features")
    everything = load_dataset(league.engine, feature_set, league.settings, population="played")
    days = np.unique(everything.dates)
    first, last = (day.item() for day in (days[10], days[20]))
    part = load_dataset(league.engine, feature_set, league.settings, population="played", date_from=first, date_to=last)
    assert np.unique(part.dates).tolist() == days[10:21].tolist()
    assert part.sha256 != everything.sha256


def test_what_prices_say_is_kept_beside_the_rows_and_changes_neither_features_nor_hash(
    feature_rows: FeatureRows, feature_set: FeatureSet
) -> None:
    rows = feature_rows()
    plain, priced = (
        make_dataset(frame, feature_set, target="points", population="played", build_id=1)
        for frame in (rows, rows.with_columns(line_over_probability=pl.lit(0.4)))
    )
    assert priced.frame.drop("line_over_probability").equals(plain.frame)
    assert priced.sha256 == plain.sha256
    assert set(priced.frame["line_over_probability"]) == {0.4}
