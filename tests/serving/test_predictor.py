"""The predictor: values in, answers out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from serving.faults import InvalidRequestError
from serving.predictor import FeatureRow, RowFault, explain, predict


def rows_of(world, frame: pl.DataFrame) -> list[FeatureRow]:
    return [FeatureRow(values) for values in frame.select(world.feature_set.names).to_dicts()]


def test_an_answer_is_the_models_own_prediction_to_the_bit_alone_or_among_others(world):
    live = world.live("xgboost")
    frame = world.slate()
    matrix = frame.select(pl.col(live.model.metadata.features).fill_null(np.nan)).to_numpy()
    expected = live.model.predict(matrix)
    rows = rows_of(world, frame)
    together = predict(live, rows, [None] * len(rows))
    alone = [predict(live, [row], [None])[0] for row in rows]
    assert [answer.predicted_points for answer in together] == expected.point.tolist()
    assert [answer.interval for answer in together] == list(
        zip(expected.low.tolist(), expected.high.tolist(), strict=True)
    )
    assert alone == together


def test_a_missing_value_is_named_and_reaches_the_model_as_missing(world):
    live = world.live("season_average")
    answer = predict(live, [FeatureRow({"pace_score": None})], [None])[0]
    assert answer.missing == world.feature_set.names
    assert answer.predicted_points is None
    assert answer.error is not None
    assert answer.error.code == "not_predictable"
    assert "points_avg_season" in answer.error.message


def test_a_value_outside_its_range_is_named_and_used_as_it_is(world):
    live = world.live("season_average")
    answer = predict(live, [FeatureRow({"points_avg_season": 20.0, "rest_advantage": 9.0})], [None])[0]
    assert answer.out_of_range == ["rest_advantage"]
    assert predict(live, [FeatureRow({"points_avg_season": -3.25})], [None])[0].predicted_points == -3.25


def test_the_callers_line_goes_before_the_known_one_and_without_any_there_is_no_probability(world):
    live = world.live("season_average")
    known = FeatureRow({"points_avg_season": 20.0}, known_line=5.5)
    unknown = FeatureRow({"points_avg_season": 20.0})
    answers = predict(live, [known, known, unknown, unknown], [None, 35.5, None, 20.0])
    assert [answer.line for answer in answers] == [5.5, 35.5, None, 20.0]
    probabilities = [answer.over_probability for answer in answers]
    assert probabilities[2] is None
    assert probabilities[0] > probabilities[3] > probabilities[1]


def test_every_answer_names_the_version_that_gave_it_errors_too(world):
    live = world.live("season_average")
    fault = RowFault("unknown_player", "No player 1 was ever ingested.", 1, "0022300001")
    row = FeatureRow({"points_avg_season": 1.0}, build_id=1)
    answers = predict(live, [fault, row], [None, None])
    assert {answer.model_sha256 for answer in answers} == {live.version.sha256}
    assert {(answer.model_version, answer.stage, answer.target) for answer in answers} == {(1, "Production", "points")}
    assert answers[0].error is not None
    assert (answers[0].player_id, answers[0].error.code) == (1, "unknown_player")
    assert answers[1].build_id == 1


def test_a_row_of_other_definitions_is_refused(world):
    live = world.live("season_average")
    row = FeatureRow({"points_avg_season": 20.0}, feature_set_hash="f" * 64)
    answer = predict(live, [row], [None])[0]
    assert answer.error is not None
    assert answer.error.code == "stale_features"
    assert answer.predicted_points is None


def test_a_system_may_predict_another_target_than_points(world):
    frame = world.rows().with_columns(rebounds_avg_season=pl.col("points_avg_season"))
    live = world.live("xgboost", target="rebounds")
    answers = predict(live, rows_of(world, frame.tail(20)), [None] * 20)
    assert {answer.target for answer in answers} == {"rebounds"}
    assert np.mean([answer.predicted_points for answer in answers]) < 8


def test_an_unknown_feature_name_is_refused_with_its_place(world):
    live = world.live("season_average")
    wrong = {"pace_scoer": 1.0}
    with pytest.raises(InvalidRequestError) as caught:
        predict(live, [RowFault("unknown_player", "?"), FeatureRow({"pace_score": 1.0}), FeatureRow(wrong)], 3 * [None])
    assert caught.value.field == "rows.2.features.pace_scoer"


def test_contributions_add_up_to_the_prediction_and_come_strongest_first(world):
    live = world.live("xgboost")
    row = rows_of(world, world.slate())[0]
    told = explain(live, row, None, top=100)
    moved = [each.contribution for each in told.contributions]
    assert sorted(moved, key=abs, reverse=True) == moved
    assert told.base + sum(moved) == pytest.approx(told.predicted_points, abs=1e-3)
    assert len(explain(live, row, None, top=3).contributions) == 3


def test_the_stage_in_an_answer_is_the_models(world):
    live = world.live("season_average")
    staged = replace(live, stage=type(live.stage).STAGING)
    assert predict(staged, [FeatureRow({"points_avg_season": 1.0})], [None])[0].stage == "Staging"
