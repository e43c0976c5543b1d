"""The latest games one by one: the middle, the width and the ends."""

from __future__ import annotations

import statistics
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from features.feature_sets import load_feature_set

if TYPE_CHECKING:
    from conftest import Story

SET = load_feature_set("v3_67features")
ME, HOME, AWAY = 7, 1, 2


def play(story: Story, games: list[tuple[int, int]]) -> str:
    """One game of mine for each (minutes, points), two days apart, then the one asked about; returns its id."""
    for n, (minutes, points) in enumerate([*games, (48, 99)]):
        day = (date(2022, 11, 1) + timedelta(days=2 * n)).isoformat()
        asked = story.game(day, HOME, AWAY, {ME: {"minutes": minutes, "points": points}, 8: {"minutes": 200}})
    return asked


@pytest.mark.parametrize(("points", "median"), [([4, 30, 6], 6), ([4, 30, 6, 8], 7), ([5], 5)])
def test_the_median_of_an_even_number_is_the_mean_of_the_middle_two(
    story: Story, points: list[int], median: float
) -> None:
    row = story.row(play(story, [(20, scored) for scored in points]), ME, feature_set=SET)
    assert row["points_median_last_20"] == median


def test_the_twenty_first_game_back_is_in_no_window_of_20(story: Story) -> None:
    points = [80, *([2, 4] * 10)]
    row = story.row(play(story, [(20, scored) for scored in points]), ME, feature_set=SET)
    assert row["points_median_last_20"] == 3
    assert row["points_std_last_20"] == pytest.approx(statistics.stdev(points[1:]), abs=1e-12)


def test_largest_smallest_and_spread_of_minutes_are_of_the_last_10(story: Story) -> None:
    minutes = [48, *range(11, 21)]
    row = story.row(play(story, [(each, 2) for each in minutes]), ME, feature_set=SET)
    assert (row["minutes_max_last_10"], row["minutes_min_last_10"]) == (20, 11)
    assert row["minutes_std_last_10"] == pytest.approx(statistics.stdev(range(11, 21)), abs=1e-12)


def test_the_latest_game_and_the_one_before_it_are_his_own_active_ones(story: Story) -> None:
    row = story.row(play(story, [(10, 3), (20, 5), (0, 0)]), ME, feature_set=SET)
    assert (row["points_last_game"], row["minutes_last_game"], row["minutes_second_last_game"]) == (5, 20, 10)


def test_one_game_has_no_spread_and_none_before_it(story: Story) -> None:
    row = story.row(play(story, [(10, 3)]), ME, feature_set=SET)
    assert (row["points_std_last_20"], row["minutes_std_last_10"], row["minutes_second_last_game"]) == (None,) * 3
    assert "too_few_games:points_std_last_20,minutes_std_last_10,minutes_second_last_game" in row["missing"]
