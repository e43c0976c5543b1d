"""A prediction is graded by what happened, and labelled by when it was said and what its model had seen."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
import sqlalchemy as sa

from contracts.database import writing
from contracts.errors import UsageError
from contracts.settings import Settings
from contracts.tables import games, player_games, points_lines
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
    "over_price": pl.Float64,
    "under_price": pl.Float64,
    "closing_line": pl.Float64,
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
        "over_price": -125.0,
        "under_price": 150.0,
        "closing_line": 19.5,
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
        "price": -125.0,
        "profit": 0.8,
        "closing_line": 19.5,
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
    assert [told[name] for name in ("actual", "error", "in_interval", "line_verdict", "profit")] == [None] * 5


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


@pytest.mark.parametrize(
    ("changes", "price", "profit"),
    [
        ({}, -125.0, 0.8),
        ({"actual": 18}, -125.0, -1.0),
        ({"predicted": 15.0, "actual": 18}, 150.0, 1.5),
        ({"predicted": 15.0}, 150.0, -1.0),
        ({"line": 18.0, "actual": 18}, -125.0, 0.0),
        ({"over_price": None}, None, None),
        ({"over_price": None, "line": 18.0, "actual": 18}, None, None),
        ({"predicted": 18.5}, None, None),
        ({"line": None}, None, None),
        ({"minutes": None, "actual": None}, -125.0, None),
    ],
)
def test_the_price_is_that_of_the_predicted_side_and_profit_is_of_a_stake_of_1(changes, price, profit):
    """A push returns the stake; void, no line, no side and no price have no profit: nobody could bet."""
    told = judge_one(**changes)
    assert (told["price"], told["profit"]) == (price, pytest.approx(profit))


def test_the_ends_of_the_interval_are_in_it():
    assert [judge_one(actual=actual)["in_interval"] for actual in (11, 12, 28, 29)] == [False, True, True, False]


def test_every_stored_prediction_is_graded_void_or_waits(world):
    day = world.last_day()
    expected = world.rows(day).filter(pl.col("is_expected"))
    world.say(expected)
    n_played = expected.filter(pl.col("state") == "played").height
    assert 0 < n_played < expected.height
    report = grade(world.engine, Settings())
    assert (report.graded, report.void, report.ungraded) == (n_played, expected.height - n_played, 0)
    actual = dict(expected.select("player_id", "points").rows())
    for row in world.kept():
        assert row["actual"] == actual[row["player_id"]]
        assert row["error"] == (None if row["actual"] is None else 10.0 - row["actual"])


def test_grading_again_changes_nothing_and_a_correction_corrects(world):
    day = world.last_day()
    world.say(world.rows(day).filter(pl.col("is_expected")))
    first = grade(world.engine, Settings())
    before = world.kept()
    assert first.changed == len(before)
    assert grade(world.engine, Settings()).changed == 0
    assert world.kept() == before
    corrected = next(row for row in before if row["outcome"] == "graded")
    same = (player_games.c.game_id == corrected["game_id"], player_games.c.player_id == corrected["player_id"])
    with writing(world.engine) as connection:
        raised = {"ftm": player_games.c.ftm + 1, "fta": player_games.c.fta + 1, "points": player_games.c.points + 1}
        connection.execute(sa.update(player_games).where(*same).values(raised))
    assert grade(world.engine, Settings()).changed == 1
    after = {row["prediction_id"]: row for row in world.kept()}
    assert after[corrected["prediction_id"]]["actual"] == corrected["actual"] + 1


def test_a_result_that_is_gone_takes_its_grade_with_it(world):
    rows = world.rows(world.last_day()).filter(pl.col("is_expected"))
    world.say(rows)
    grade(world.engine, Settings())
    world.forget_results(player_games.c.game_date == world.last_day())
    report = grade(world.engine, Settings())
    assert (report.graded, report.void, report.ungraded) == (0, 0, rows.height)
    assert world.kept() == []


def test_a_span_grades_its_dates_alone(world):
    days = sorted(set(world.rows().filter(pl.col("is_expected"))["game_date"].to_list()))[-2:]
    for day in days:
        world.say(world.rows(day).filter(pl.col("state") == "played").head(3))
    assert grade(world.engine, Settings(), days[1], days[1]).graded == 3
    assert grade(world.engine, Settings(), days[0], days[1]).graded == 6
    assert grade(world.engine, Settings(), days[1] + timedelta(days=1)).graded == 0


def test_labels_systems_and_versions_are_never_mixed_in_a_figure(world):
    rows = world.rows().filter((pl.col("state") == "played") & (pl.col("n_active_games_season") >= 5)).tail(60)
    last: date = rows["game_date"].max()  # type: ignore[assignment]
    world.say(rows, 10.0)
    world.say(rows, 0.0, model_version=2, train_to=last, system="xgboost")
    world.say(rows, 5.0, model_version=3, predicted_at=datetime(2025, 1, 1, tzinfo=UTC))
    figures = [row for row in grade(world.engine, Settings()).by_label if row["population"] == "played"]
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
    told = {row["population"]: row["n"] for row in grade(world.engine, Settings()).by_label}
    played = rows.filter(pl.col("n_active_games_season") >= 5)
    assert told["played"] == played.height
    assert told["early"] == rows.height - played.height > 0
    assert told["rotation"] == played.filter(pl.col("minutes_avg_last_10_active").round(9) >= 15).height
    assert told["lined"] == played.filter(pl.col("line").is_not_null()).height


def test_prices_and_closing_lines_that_come_later_correct_the_grades(world):
    """What was captured after tip-off changes nothing (plant of failure 15); again changes nothing."""
    rows = world.rows().filter((pl.col("state") == "played") & pl.col("line").is_not_null()).tail(1)
    row = rows.row(0, named=True)
    world.say(rows, row["line"] + 1, line=row["line"])
    with writing(world.engine) as connection:
        connection.execute(sa.delete(points_lines))
        tip_off = connection.scalar(sa.select(games.c.tip_off_at).where(games.c.game_id == row["game_id"]))
    assert grade(world.engine, Settings()).changed == 1
    assert [world.kept()[0][name] for name in ("price", "profit", "closing_line")] == [None] * 3
    same = {"game_id": row["game_id"], "player_id": row["player_id"], "book": "b", "over_price": 250.0}
    with writing(world.engine) as connection:
        for minutes, line in ((120, row["line"]), (10, row["line"] + 2), (-1, row["line"] + 9)):
            at = tip_off - timedelta(minutes=minutes)
            connection.execute(sa.insert(points_lines).values(**same, captured_at=at, line=line))
    assert grade(world.engine, Settings()).changed == 1
    kept = world.kept()[0]
    won = row["points"] > row["line"]
    told = (250.0, 2.5 if won else -1.0, row["line"] + 2)
    assert (kept["price"], kept["profit"], kept["closing_line"]) == told
    assert grade(world.engine, Settings()).changed == 0


def test_bets_are_figures_of_the_lined_alone_and_never_mix_labels(world):
    """Plant of failure 6: a model that had seen the results wins every bet, and only in_sample says so."""
    lined = (pl.col("state") == "played") & (pl.col("n_active_games_season") >= 5) & pl.col("line").is_not_null()
    rows = world.rows().filter(lined & (pl.col("points") != pl.col("line"))).tail(30)
    for row in rows.iter_slices(1):
        points, line = row["points"][0], row["line"][0]
        world.say(row, float(points), line=line, train_to=row["game_date"][0], model_version=2)
        world.say(row, 2 * line - points, line=line)
    told = {(row["label"], row["population"]): row["bets"] for row in grade(world.engine, Settings()).by_label}
    assert all((bets is None) == (population != "lined") for (_, population), bets in told.items())
    seen, live = told["in_sample", "lined"], told["live", "lined"]
    assert (seen["hit_rate"]["value"], seen["hit_rate"]["n"]) == (1.0, rows.height)
    assert (live["hit_rate"]["value"], live["hit_rate"]["n"]) == (0.0, rows.height)
    assert 0 < live["break_even"]["n"] == live["hit_rate_priced"]["n"] == live["profit"]["n"] <= rows.height
    assert live["profit"]["value"] == -1.0
    assert 0 < live["closing_line_value"]["n"] <= rows.height
    opposite = live["closing_line_value"]["value"] + seen["closing_line_value"]["value"]
    assert opposite == pytest.approx(0)


def test_another_target_has_no_price(world):
    rows = world.rows().filter((pl.col("state") == "played") & pl.col("line").is_not_null()).tail(3)
    world.say(rows, 30.0, target="rebounds", line=4.5)
    grade(world.engine, Settings())
    assert {(row["price"], row["profit"], row["closing_line"]) for row in world.kept()} == {(None, None, None)}


def test_another_target_is_graded_by_its_own_column(world):
    rows = world.rows().filter(pl.col("state") == "played").tail(5)
    world.say(rows, target="rebounds")
    grade(world.engine, Settings())
    assert [row["actual"] for row in world.kept()] == rows["rebounds"].to_list()


def test_a_target_that_no_box_score_counts_is_named(world):
    world.say(world.rows().tail(1), target="mood")
    with pytest.raises(UsageError, match="mood"):
        grade(world.engine, Settings())


def test_nothing_said_is_nothing_graded(world):
    assert grade(world.engine, Settings()).to_json() == {
        "graded": 0,
        "void": 0,
        "ungraded": 0,
        "changed": 0,
        "by_label": [],
    }
