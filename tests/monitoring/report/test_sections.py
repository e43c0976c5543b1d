"""Each section's figures, from values alone."""

from __future__ import annotations

import re
from datetime import date, timedelta

import polars as pl
import pytest

from monitoring.figures import POPULATIONS
from monitoring.report.accuracy import race, races
from monitoring.report.calibration import calibrations, over_odds
from monitoring.report.coverage_by_date import covered
from monitoring.report.graded import figures, n_unknown
from monitoring.report.markup import h, join
from monitoring.report.slate import Game, Play, Slate, scale_of, slate
from monitoring.report.words import age, percent, with_interval
from monitoring.report.yesterday import Outcomes, biggest_misses, yesterday

DAY = date(2024, 3, 1)


def graded(
    version: int,
    errors: list[float],
    *,
    system: str = "xgboost",
    label: str = "live",
    n_dates: int = 1,
    line: float | None = 19.0,
    **changes: object,
) -> pl.DataFrame:
    """Rows as read_graded gives them: player i's result is 20, what was said 20 + errors[i]."""
    rows = [
        {
            "label": label,
            "system": system,
            "model_version": version,
            "game_id": "0022300001",
            "player_id": place,
            "game_date": DAY + timedelta(days=place % n_dates),
            "predicted": 20 + error,
            "interval_low": 10.0 + error,
            "interval_high": 30.0 + error,
            "line": line,
            "over_probability": 0.55,
            "actual": 20.0,
            "error": error,
            "in_interval": abs(error) <= 10,
            **dict.fromkeys(POPULATIONS, True),
            **changes,
        }
        for place, error in enumerate(errors)
    ]
    return pl.DataFrame(rows, schema_overrides={"line": pl.Float64, "over_probability": pl.Float64})


def test_a_race_is_run_on_the_rows_that_all_predicted():
    rows = pl.concat([graded(3, [1.0] * 20), graded(1, [3.0] * 19, system="season_average")])
    found = race(rows, 3, "lined")
    assert (found.n, found.n_main) == (19, 20)
    assert found.left_out == ["last_10_average (predicted 0 of 20)"]
    assert {each.name: each.errors.mean for each in found.runners} == {
        "xgboost (version 3)": 1.0,
        "season_average (version 1)": 3.0,
        "line": 1.0,
    }


def test_a_baseline_that_predicted_few_of_the_rows_is_left_out_and_named():
    rows = pl.concat([graded(3, [1.0] * 20), graded(1, [3.0] * 17, system="season_average")])
    found = race(rows, 3, "played")
    assert found.n == 20
    assert found.left_out == ["season_average (predicted 17 of 20)", "last_10_average (predicted 0 of 20)"]


def test_labels_are_never_compared_with_each_other():
    rows = pl.concat([graded(3, [1.0] * 9), graded(1, [3.0] * 9, system="season_average", label="backfill")])
    live = next(each for each in races(rows, 3) if each.population == "played")
    assert [each.name for each in live.runners] == ["xgboost (version 3)"]
    assert races(graded(3, [1.0], label="in_sample"), 3) == []


def test_a_window_holds_fourteen_dates_and_a_point_needs_five():
    rows = graded(3, [float(place) for place in range(20)], n_dates=20)
    points = race(rows, 3, "played").runners[0].errors.by_date
    assert points[0] == (DAY + timedelta(days=4), 2.0)
    assert points[-1] == (DAY + timedelta(days=19), pytest.approx(sum(range(6, 20)) / 14))
    assert len(points) == 16


def test_shares_below_each_quantile_count_a_result_on_the_prediction_half():
    rows = graded(3, [0.0, 1.0, -1.0, 11.0, -11.0])
    found = calibrations(rows, 3)[0]
    assert found.inside.mean == pytest.approx(3 / 5)
    below = {name: each.mean for name, each in found.below.items()}
    assert below == {"below_low": pytest.approx(1 / 5), "below_said": pytest.approx(2.5 / 5), "below_high": 4 / 5}


def test_odds_of_over_leave_out_results_on_the_line_and_rows_without_one():
    rows = pl.concat(
        [
            graded(3, [0.0, 0.0], over_probability=0.72),
            graded(3, [0.0], over_probability=0.78, line=25.0),
            graded(3, [0.0], over_probability=0.5, line=20.0),
            graded(3, [0.0], over_probability=None, line=None),
        ]
    )
    assert over_odds(rows) == [(pytest.approx(0.74), pytest.approx(2 / 3), 3)]


def test_a_probability_of_one_is_in_the_last_tenth():
    assert over_odds(graded(3, [0.0], over_probability=1.0)) == [(1.0, 1.0, 1)]


def test_figures_are_by_label_system_version_and_population_and_nothing_without_rows_has_one():
    rows = pl.concat([graded(3, [1.0, -3.0]), graded(4, [5.0]), graded(3, [7.0], label="backfill", early=False)])
    found = {(each.label, each.model_version, each.population): each for each in figures(rows)}
    assert found["live", 3, "played"].mae == 2.0
    assert found["live", 3, "played"].mean_error == -1.0
    assert found["live", 4, "played"].n == 1
    assert ("backfill", 3, "early") not in found
    assert found["backfill", 3, "played"].mae_ci95 is None, "one date has no interval"


def test_rows_whose_build_is_gone_are_in_no_population_and_are_counted():
    rows = graded(3, [1.0, 2.0]).with_columns(pl.lit(None, pl.Boolean).alias(name) for name in POPULATIONS)
    assert figures(rows) == []
    assert n_unknown(rows) == 2


def test_coverage_counts_the_expected_and_nobody_else():
    other = DAY + timedelta(days=1)
    expected = {(DAY, "g", 1), (DAY, "g", 2), (DAY, "g", 3)}
    made = {(DAY, "g", 1): {"a", "b"}, (DAY, "g", 2): {"b"}, (DAY, "g", 9): {"a"}}
    first, second = covered({DAY: 1, other: 2}, expected, made, "a")
    assert (first.expected, first.by_any, first.by_system) == (3, 2, 1)
    assert (second.n_games, second.expected, second.share(second.by_any)) == (2, 0, 0.0)


def test_a_slate_of_fifteen_games_and_three_hundred_players_shows_every_one_inside_its_strip():
    plays = [
        Play(n, f"Player {n}", "AAA", "live", 30.0 - n / 10, 5.0 - n / 10, 63.0, 22.5, 0.5, None) for n in range(20)
    ]
    games = tuple(Game(f"{n:010d}", f"A{n} at B{n}", None, tuple(plays), ()) for n in range(15))
    page = slate(Slate(DAY, "points", 3, "xgboost (version 3)", (1,), None, 300, games))
    assert page.count('class="strip"') == 300
    places = [float(place) for place in re.findall(r"left:([\d.-]+)%", page)]
    widths = [float(width) for width in re.findall(r"width:([\d.-]+)%", page)]
    assert min(places) >= 0
    assert max(places) <= 100
    assert min(widths) > 0
    assert scale_of(plays) == 70.0


def test_a_negative_end_of_an_interval_is_written_as_it_is():
    play = Play(1, "A", "AAA", "live", 1.0, -2.0, 4.0, None, None, None)
    page = slate(Slate(DAY, "points", 3, "x", (1,), None, 1, (Game("g", "A at B", None, (play,), ("Nobody",)),)))
    assert "-2.0" in page
    assert "Expected without a prediction: Nobody." in page


def test_every_text_and_attribute_is_escaped_and_markup_is_not_twice():
    assert h("b", "<i>", title='"><script>') == '<b title="&quot;&gt;&lt;script&gt;">&lt;i&gt;</b>'
    assert join("a<b", h("i", "c"), None, [1, "&"]) == "a&lt;b<i>c</i>1&amp;"


def test_only_all_is_a_hundred_percent_and_only_none_is_zero():
    assert [percent(share) for share in (1.0, 0.9999, 0.0, 0.0001, 0.8047, 0.8)] == [
        *("100 %", "over 99.9 %", "0 %", "under 0.1 %", "80.5 %", "80.0 %")
    ]
    assert with_interval(4.4276, (4.356, 4.502)) == "4.43 (4.36 to 4.50)"
    assert [age(seconds) for seconds in (40, 720, 18_000, 260_000)] == ["40 s", "12 min", "5 h", "3 days"]


def test_the_farthest_off_come_first_and_every_one_is_a_row():
    rows = graded(3, [1.0, -8.0, 3.0, 8.0])
    assert [each.error for each in biggest_misses(rows, 3)] == [-8.0, 8.0, 3.0]


def test_misses_are_of_the_most_honest_label_alone():
    rows = pl.concat([graded(3, [9.0], label="backfill"), graded(3, [1.0, 2.0]), graded(4, [99.0])])
    page = yesterday(Outcomes(DAY, 4, 0, 0), rows, 3, {}, "points")
    assert "The 2 farthest off of 2: xgboost (version 3), live" in page
    assert "+9.0" not in page.split("farthest off")[1]
    assert "The 1 farthest off of 1: xgboost (version 4)" in yesterday(Outcomes(DAY, 4, 0, 0), rows, None, {}, "points")
