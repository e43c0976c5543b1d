"""A prediction is graded by what happened, and labelled by when it was said and what its model had seen."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
import sqlalchemy as sa

from contracts.database import writing
from contracts.errors import UsageError
from contracts.tables import player_games
from monitoring.grading import grade, judge

GAME_DATE = date(2024, 3, 1)
TIP_OFF = datetime(2024, 3, 2, 0, 30, tzinfo=UTC)  # 19:30 in New York on 1 March
SCHEMA = {
    "prediction_id": pl.Int64,
    "game_date": pl.Date,
    "train_to": pl.Date,
    "predicted_at": pl.Datetime("us", "UTC"),
    "tip_off_at": pl.Datetime("us", "UTC"),
    "predicted": pl.Float64,
    "interval_low": pl.Float64,
    "interval_high": pl.Float64,
    "line": pl.Float64,
    "has_results": pl.Boolean,
    "minutes": pl.Int64,
    "actual": pl.Int64,
}


def judge_one(**changes):
    row = {
        "prediction_id": 1,
        "game_date": GAME_DATE,
        "train_to": date(2024, 2, 1),
        "predicted_at": TIP_OFF - timedelta(hours=2),
        "tip_off_at": TIP_OFF,
        "predicted": 20.0,
        "interval_low": 12.0,
        "interval_high": 28.0,
        "line": 18.5,
        "has_results": True,
        "minutes": 30,
        "actual": 25,
    }
    return judge(pl.DataFrame([row | changes], schema=SCHEMA)).row(0, named=True)


def test_a_graded_prediction_has_its_error_interval_and_line():
    assert judge_one() == {
        "prediction_id": 1,
        "outcome": "graded",
        "label": "live",
        "actual": 25.0,
        "error": -5.0,
        "in_interval": True,
        "line_verdict": "won",
    }


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"predicted_at": TIP_OFF - timedelta(microseconds=1)}, "live"),
        ({"predicted_at": TIP_OFF}, "backfill"),
        ({"predicted_at": TIP_OFF + timedelta(days=200)}, "backfill"),
        ({"train_to": None, "predicted_at": TIP_OFF}, "backfill"),
        ({"train_to": GAME_DATE - timedelta(days=1), "predicted_at": TIP_OFF}, "backfill"),
        ({"train_to": GAME_DATE}, "in_sample"),
        ({"train_to": GAME_DATE + timedelta(days=90), "predicted_at": TIP_OFF}, "in_sample"),
        ({"tip_off_at": None, "predicted_at": datetime(2024, 3, 1, 16, 59, tzinfo=UTC)}, "live"),
        ({"tip_off_at": None, "predicted_at": datetime(2024, 3, 1, 17, 0, tzinfo=UTC)}, "backfill"),
    ],
)
def test_labels_tell_when_it_was_said_and_what_the_model_had_seen(changes, label):
    """Without a tip-off time noon of the game date in New York (17:00 UTC in winter) is the limit."""
    assert judge_one(**changes)["label"] == label


@pytest.mark.parametrize("changes", [{"minutes": None, "actual": None}, {"minutes": 0, "actual": 0}])
def test_did_not_play_or_under_30_seconds_is_void_and_no_zero(changes):
    told = judge_one(**changes)
    assert told["outcome"] == "void"
    assert [told[name] for name in ("actual", "error", "in_interval", "line_verdict")] == [None] * 4


def test_without_a_result_of_the_game_nothing_is_graded():
    assert judge_one(has_results=False, minutes=None, actual=None)["outcome"] is None


@pytest.mark.parametrize(
    ("predicted", "line", "actual", "verdict"),
    [
        (20.0, 18.5, 19, "won"),
        (20.0, 18.5, 18, "lost"),
        (15.0, 18.5, 18, "won"),
        (15.0, 18.5, 19, "lost"),
        (20.0, 18.0, 18, "push"),
        (18.5, 18.5, 25, None),
        (20.0, None, 25, None),
    ],
)
def test_a_line_is_won_on_its_side_and_pushed_on_the_line(predicted, line, actual, verdict):
    assert judge_one(predicted=predicted, line=line, actual=actual)["line_verdict"] == verdict


def test_the_ends_of_the_interval_are_in_it():
    assert [judge_one(actual=actual)["in_interval"] for actual in (11, 12, 28, 29)] == [False, True, True, False]


def test_every_stored_prediction_is_graded_void_or_waits(world):
    day = world.last_day()
    expected = world.rows(day).filter(pl.col("is_expected"))
    world.say(expected)
    n_played = expected.filter(pl.col("state") == "played").height
    assert 0 < n_played < expected.height
    report = grade(world.engine)
    assert (report.graded, report.void, report.ungraded) == (n_played, expected.height - n_played, 0)
    actual = dict(expected.select("player_id", "points").rows())
    for row in world.kept():
        assert row["actual"] == actual[row["player_id"]]
        assert row["error"] == (None if row["actual"] is None else 10.0 - row["actual"])


def test_grading_again_changes_nothing_and_a_correction_corrects(world):
    day = world.last_day()
    world.say(world.rows(day).filter(pl.col("is_expected")))
    first = grade(world.engine)
    before = world.kept()
    assert first.changed == len(before)
    assert grade(world.engine).changed == 0
    assert world.kept() == before
    corrected = next(row for row in before if row["outcome"] == "graded")
    same = (player_games.c.game_id == corrected["game_id"], player_games.c.player_id == corrected["player_id"])
    with writing(world.engine) as connection:
        raised = {"ftm": player_games.c.ftm + 1, "fta": player_games.c.fta + 1, "points": player_games.c.points + 1}
        connection.execute(sa.update(player_games).where(*same).values(raised))
    assert grade(world.engine).changed == 1
    after = {row["prediction_id"]: row for row in world.kept()}
    assert after[corrected["prediction_id"]]["actual"] == corrected["actual"] + 1


def test_a_result_that_is_gone_takes_its_grade_with_it(world):
    rows = world.rows(world.last_day()).filter(pl.col("is_expected"))
    world.say(rows)
    grade(world.engine)
    world.forget_results(player_games.c.game_date == world.last_day())
    report = grade(world.engine)
    assert (report.graded, report.void, report.ungraded) == (0, 0, rows.height)
    assert world.kept() == []


def test_a_span_grades_its_dates_alone(world):
    days = sorted(set(world.rows().filter(pl.col("is_expected"))["game_date"].to_list()))[-2:]
    for day in days:
        world.say(world.rows(day).filter(pl.col("state") == "played").head(3))
    assert grade(world.engine, days[1], days[1]).graded == 3
    assert grade(world.engine, days[0], days[1]).graded == 6
    assert grade(world.engine, days[1] + timedelta(days=1)).graded == 0


def test_labels_systems_and_versions_are_never_mixed_in_a_figure(world):
    rows = world.rows().filter((pl.col("state") == "played") & (pl.col("n_active_games_season") >= 5)).tail(60)
    last: date = rows["game_date"].max()  # type: ignore[assignment]
    world.say(rows, 10.0)
    world.say(rows, 0.0, model_version=2, train_to=last, system="xgboost")
    world.say(rows, 5.0, model_version=3, predicted_at=datetime(2025, 1, 1, tzinfo=UTC))
    figures = [row for row in grade(world.engine).by_label if row["population"] == "played"]
    told = {(row["label"], row["system"], row["model_version"]): row for row in figures}
    assert set(told) == {("live", "season_average", 1), ("in_sample", "xgboost", 2), ("backfill", "season_average", 3)}
    mean = rows["points"].mean()
    for key, predicted in (("live", "season_average", 1), 10.0), (("in_sample", "xgboost", 2), 0.0):
        figure = told[key]
        assert figure["n"] == rows.height
        assert figure["mean_error"] == pytest.approx(predicted - mean)
        assert figure["mae"] == pytest.approx((rows["points"] - predicted).abs().mean())
        assert figure["mae_ci95"][0] <= figure["mae"] <= figure["mae_ci95"][1]
        assert (figure["date_from"], figure["date_to"]) == (rows["game_date"].min().isoformat(), last.isoformat())


def test_a_figure_is_about_its_population(world):
    rows = world.rows().filter(pl.col("state") == "played").head(400)
    world.say(rows)
    told = {row["population"]: row["n"] for row in grade(world.engine).by_label}
    played = rows.filter(pl.col("n_active_games_season") >= 5)
    assert told["played"] == played.height
    assert told["early"] == rows.height - played.height > 0
    assert told["rotation"] == played.filter(pl.col("minutes_avg_last_10_active").round(9) >= 15).height
    assert told["lined"] == played.filter(pl.col("line").is_not_null()).height


def test_another_target_is_graded_by_its_own_column(world):
    rows = world.rows().filter(pl.col("state") == "played").tail(5)
    world.say(rows, target="rebounds")
    grade(world.engine)
    assert [row["actual"] for row in world.kept()] == rows["rebounds"].to_list()


def test_a_target_that_no_box_score_counts_is_named(world):
    world.say(world.rows().tail(1), target="mood")
    with pytest.raises(UsageError, match="mood"):
        grade(world.engine)


def test_nothing_said_is_nothing_graded(world):
    assert grade(world.engine).to_json() == {"graded": 0, "void": 0, "ungraded": 0, "changed": 0, "by_label": []}
