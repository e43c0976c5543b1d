"""Figures by hand, on the same rows, with nothing dropped in silence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl
import pytest

from contracts.errors import UsageError
from contracts.feature_set import FeatureSet
from training.dataset import make_dataset
from training.evaluation import Scored, as_table, baseline_predictions, evaluate, joined

FeatureRows = Callable[..., pl.DataFrame]


def four_rows() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "game_date": [date(2024, 1, 1), date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)],
            "state": ["played"] * 4,
            "is_expected": [True] * 4,
            "n_active_games_season": [10.0, 10.0, 10.0, 2.0],
            "minutes_avg_last_10_active": [30.0, 15.0, 14.9, 30.0],
            "line": [19.5, None, None, None],
            "target": [20.0, 10.0, 4.0, 7.0],
        }
    )


POINT = np.array([22.0, 6.0, 4.0, 1.0])


def test_every_population_has_its_own_figures() -> None:
    table = as_table(evaluate(four_rows(), Scored(POINT), baselines={}, target="points", build_id=3).metrics)
    assert {name: (row["n"], row["mae"]) for name, row in table.items()} == {
        "played": (3, 2.0),
        "rotation": (2, 3.0),
        "early": (1, 6.0),
        "lined": (1, 2.0),
    }
    played = table["played"]
    assert played["mean_error"] == pytest.approx(-2 / 3)
    assert played["share_within_3"] == pytest.approx(2 / 3)
    assert played["share_within_5"] == 1.0
    assert played["share_above"] == pytest.approx((1 + 0.5) / 3)
    assert (played["date_from"], played["date_to"]) == ("2024-01-01", "2024-01-02")


def test_the_line_and_the_baselines_are_held_against_the_same_rows() -> None:
    naive = np.array([15.0, 9.0, np.nan, 7.0])
    made = evaluate(four_rows(), Scored(POINT), baselines={"naive": Scored(naive)}, target="points", build_id=3)
    for metrics in (made.metrics, made.baselines["naive"]):
        assert as_table(metrics)["played"]["n"] == 2
    assert as_table(made.metrics)["played"]["mae"] == 3.0
    assert as_table(made.baselines["naive"])["played"]["mae"] == 3.0
    assert as_table(made.line)["lined"]["mae"] == 0.5


def test_a_row_that_cannot_be_predicted_is_counted() -> None:
    point = np.array([np.nan, 6.0, 4.0, np.nan])
    made = evaluate(four_rows(), Scored(point), baselines={"naive": Scored(POINT)}, target="points", build_id=3)
    assert made.n_unpredicted["played"] == {"system": 1, "naive": 0}
    assert made.n_unpredicted["early"] == {"system": 1, "naive": 0}
    assert made.metric("mae", "early") is None
    assert made.metric("mae", "played").n == 2


def test_a_points_line_is_no_line_of_rebounds() -> None:
    made = evaluate(four_rows(), Scored(POINT), baselines={}, target="rebounds", build_id=3)
    assert "lined" not in as_table(made.metrics)
    assert made.line == ()


def test_the_share_inside_the_interval_is_reported() -> None:
    scored = Scored(POINT, low=np.array([21.0, 0.0, 4.0, 0.0]), high=np.array([30.0, 10.0, 9.0, 9.0]))
    made = evaluate(four_rows(), scored, baselines={}, target="points", build_id=3)
    assert made.metric("interval_80_coverage", "played").value == pytest.approx(2 / 3)


def test_the_interval_of_the_mae_draws_whole_dates(feature_rows: FeatureRows, feature_set: FeatureSet) -> None:
    """One date repeated has no other date to draw: it has no interval."""
    frame = make_dataset(feature_rows(), feature_set, target="points", population="played", build_id=1).frame
    one_date = frame.with_columns(game_date=pl.lit(date(2024, 1, 1)))
    point = np.full(frame.height, 12.0)
    spread, none = (
        evaluate(rows, Scored(point), baselines={}, target="points", build_id=1).metric("mae", "played")
        for rows in (frame, one_date)
    )
    assert spread.ci95[0] < spread.value < spread.ci95[1]
    assert none.ci95 is None


def test_baselines_are_the_columns_of_the_target(
    feature_rows: FeatureRows, set_of: Callable[[str], FeatureSet]
) -> None:
    feature_set = set_of("rebounds")
    frame = make_dataset(
        feature_rows("rebounds"), feature_set, target="rebounds", population="played", build_id=1
    ).frame
    made = baseline_predictions(frame, feature_set.names, "rebounds")
    np.testing.assert_array_equal(made["season_average"], frame["rebounds_avg_season"].to_numpy())
    np.testing.assert_array_equal(made["last_10_average"], frame["rebounds_avg_last_10"].to_numpy())
    with pytest.raises(UsageError, match="assists_avg_season"):
        baseline_predictions(frame, feature_set.names, "assists")


# ---------------------------------------------------------------- beyond the point
def priced_rows() -> pl.DataFrame:
    """Five lined rows; the second hit the line, the third has no price."""
    n = 5
    return pl.DataFrame(
        {
            "game_date": [date(2024, 1, day) for day in (1, 1, 2, 2, 3)],
            "state": ["played"] * n,
            "is_expected": [True] * n,
            "n_active_games_season": [10.0] * n,
            "minutes_avg_last_10_active": [30.0] * n,
            "line": [19.5, 10.0, 14.5, 20.5, 7.5],
            "target": [20.0, 10.0, 16.0, 12.0, 9.0],
            "line_over_probability": [0.5, 0.6, None, 0.25, 0.5],
        }
    )


def test_chances_are_held_against_the_prices_on_the_rows_that_were_won_or_lost() -> None:
    over = np.array([0.8, 0.9, 0.9, 0.4, 0.5])
    scored = Scored(np.array([22.0, 6.0, 15.0, 19.0, 8.0]), over=over)
    made = evaluate(priced_rows(), scored, baselines={}, target="points", build_id=3)
    mine, theirs = as_table(made.chances)["priced"], as_table(made.line_chances)["priced"]
    assert (mine["n"], theirs["n"]) == (3, 3)
    assert mine["brier"] == pytest.approx((0.04 + 0.16 + 0.25) / 3)
    assert theirs["brier"] == pytest.approx((0.25 + 0.0625 + 0.25) / 3)
    assert mine["log_loss"] == pytest.approx(-(np.log(0.8) + np.log(0.6) + np.log(0.5)) / 3)
    assert (mine["date_from"], mine["date_to"]) == ("2024-01-01", "2024-01-03")


def test_without_prices_or_for_another_target_nothing_is_said_of_chances() -> None:
    scored = Scored(np.full(5, 10.0), over=np.full(5, 0.5))
    unpriced = priced_rows().drop("line_over_probability")
    for frame, target in ((unpriced, "points"), (priced_rows(), "rebounds")):
        made = evaluate(frame, scored, baselines={}, target=target, build_id=3)
        assert (made.chances, made.line_chances) == ((), ())


def test_the_crps_of_the_books_stands_beside_the_systems_on_the_rows_whose_spread_is_known() -> None:
    """Of the three priced rows the books say nothing of the last: both figures are about the other two."""
    actual = priced_rows()["target"].to_numpy()
    near, far = (np.repeat((actual + off)[:, None], 99, axis=1) for off in (1.0, 3.0))
    far[4] = np.nan
    scored = Scored(actual, quantiles=near, over=np.full(5, 0.5))
    made = evaluate(
        priced_rows(), scored, baselines={}, line=Scored(actual, quantiles=far), target="points", build_id=3
    )
    mine, theirs = as_table(made.chances)["priced_later"], as_table(made.line_chances)["priced_later"]
    assert (mine["n"], theirs["n"]) == (2, 2)
    assert (mine["crps"], theirs["crps"]) == (pytest.approx(1.0), pytest.approx(3.0))


def test_every_figure_has_its_interval(feature_rows: FeatureRows, feature_set: FeatureSet) -> None:
    frame = make_dataset(feature_rows(), feature_set, target="points", population="played", build_id=1).frame
    point = np.full(frame.height, 9.0)
    made = evaluate(frame, Scored(point, low=point - 5, high=point + 5), baselines={}, target="points", build_id=1)
    for metric in (*made.metrics, *made.tiers):
        assert metric.ci95 is not None, metric
        assert metric.ci95[0] <= metric.value <= metric.ci95[1]


def test_every_tier_by_predicted_points_has_its_figures() -> None:
    point = np.array([22.0, 7.9, 15.0, 8.0, 8.0])
    scored = Scored(point, low=point - 2.5, high=point + 2.5)
    tiers = as_table(evaluate(priced_rows(), scored, baselines={}, target="points", build_id=3).tiers)
    assert {name: row["n"] for name, row in tiers.items()} == {
        "played_bench": 1,
        "played_role": 2,
        "played_starter": 1,
        "played_star": 1,
    }
    assert tiers["played_role"]["mae"] == pytest.approx((4.0 + 1.0) / 2)
    assert tiers["played_role"]["interval_80_coverage"] == 0.5
    assert evaluate(priced_rows(), scored, baselines={}, target="rebounds", build_id=3).tiers == ()


def test_a_distribution_is_scored_and_beats_one_that_is_far_off() -> None:
    near, far = (np.repeat((priced_rows()["target"].to_numpy() + off)[:, None], 99, axis=1) for off in (1.0, 6.0))
    point = np.full(5, 10.0)
    made = evaluate(
        priced_rows(),
        Scored(point, quantiles=near),
        baselines={"naive": Scored(point, quantiles=far)},
        target="points",
        build_id=3,
    )
    assert made.metric("crps", "played").value == pytest.approx(1.0)
    assert as_table(made.baselines["naive"])["played"]["crps"] == pytest.approx(6.0)


def test_successive_parts_are_one_whole_and_lack_what_one_of_them_lacks() -> None:
    whole = joined([Scored(np.array([1.0]), over=np.array([0.5])), Scored(np.array([2.0, 3.0]))])
    np.testing.assert_array_equal(whole.point, [1.0, 2.0, 3.0])
    assert whole.over is None
