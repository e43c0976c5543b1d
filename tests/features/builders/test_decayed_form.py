"""Decayed form: each game counts for half as much one half-life of games later."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from features.feature_sets import load_feature_set

if TYPE_CHECKING:
    from conftest import Story

SET = load_feature_set("v3_67features")
ME, MATE, HOME, AWAY = 7, 8, 1, 2


def play(story: Story, games: list[dict[str, int]], first: str = "2022-11-01", season: int = 2022) -> str:
    """One game of mine for each of `games`, two days apart, then the game that is asked about; returns its id."""
    for n, mine in enumerate([*games, {"minutes": 48, "points": 99}]):
        day = (date.fromisoformat(first) + timedelta(days=2 * n)).isoformat()
        asked = story.game(day, HOME, AWAY, {ME: mine, MATE: {"minutes": 200, "fga": 50, "fgm": 0}}, season=season)
    return asked


def test_the_latest_game_weighs_1_and_the_one_a_half_life_before_it_a_half(story: Story) -> None:
    row = story.row(play(story, [{"minutes": 30, "points": p} for p in (10, 20, 30)]), ME, feature_set=SET)
    one, two, three = 1.0, 0.5**0.5, 0.5
    assert row["points_decayed_2"] == pytest.approx((30 * one + 20 * two + 10 * three) / (one + two + three), abs=1e-12)
    assert row["minutes_decayed_2"] == 30


def test_a_game_of_an_earlier_season_counts_however_long_ago(story: Story) -> None:
    story.game("2019-11-01", HOME, AWAY, {ME: {"minutes": 10, "points": 40}}, season=2019)
    row = story.row(play(story, [{"minutes": 20, "points": 10}]), ME, feature_set=SET)
    older = 0.5 ** (1 / 5)
    assert row["points_decayed_5"] == pytest.approx((10 + 40 * older) / (1 + older), abs=1e-12)


def test_a_game_of_0_minutes_does_not_count(story: Story) -> None:
    row = story.row(play(story, [{"minutes": 20, "points": 10}, {"minutes": 0}]), ME, feature_set=SET)
    assert row["points_decayed_5"] == 10


def test_a_rate_is_a_decayed_mean_over_a_decayed_mean(story: Story) -> None:
    games = [{"minutes": 10, "points": 20}, {"minutes": 30, "points": 15}]
    row = story.row(play(story, games), ME, feature_set=SET)
    older = 0.5 ** (1 / 15)
    assert row["ppm_decayed_15"] == pytest.approx((15 + 20 * older) / (30 + 10 * older), abs=1e-12)


def test_a_rate_of_nothing_attempted_is_null_and_says_so(story: Story) -> None:
    row = story.row(play(story, [{"minutes": 20, "points": 10}]), ME, feature_set=SET)
    assert (row["fg3_pct_decayed_40"], row["ft_pct_decayed_40"]) == (None, None)
    assert "no_attempts:fg3_pct_decayed_40,ft_pct_decayed_40" in row["missing"]


def test_plays_are_attempts_and_turnovers_and_0_44_of_free_throws(story: Story) -> None:
    mine = {"minutes": 25, "points": 8, "fgm": 4, "fga": 9, "fta": 5, "turnovers": 3}
    row = story.row(play(story, [mine]), ME, feature_set=SET)
    plays = 9 + 0.44 * 5 + 3
    assert row["plays_per_minute_decayed_5"] == pytest.approx(plays / 25, abs=1e-12)
    assert row["points_per_play_decayed_40"] == pytest.approx(8 / plays, abs=1e-12)
    assert row["usage_decayed_10"] == pytest.approx(plays * 225 / (5 * 25 * (plays + 50)), abs=1e-12)


def test_without_an_active_game_everything_is_null_and_says_so(story: Story) -> None:
    row = story.row(play(story, []), ME, feature_set=SET)
    never_null = {"home_away", "back_to_back", "playoff_game"}
    assert {name for name in SET.names if row[name] is not None} == never_null
    assert "no_history:points_decayed_2" in row["missing"]
