"""How much of his team's season a player was there for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from features.feature_sets import load_feature_set

if TYPE_CHECKING:
    from conftest import Story

SET = load_feature_set("v3_67features")
ME, MATE, HOME, AWAY, ELSEWHERE = 7, 8, 1, 2, 3


def night(n: int) -> str:
    return (date(2022, 11, 1) + timedelta(days=2 * n)).isoformat()


def test_team_games_missed_are_counted_of_the_last_10_and_in_a_row(story: Story) -> None:
    there = [True, True, False, True, *([True] * 7), False, False]
    for n, present in enumerate(there):
        side = {MATE: {"minutes": 200}} | ({ME: {"minutes": 20, "points": n}} if present else {})
        story.game(night(n), HOME, AWAY, side)
    row = story.row(story.game(night(len(there)), HOME, AWAY, {ME: {"minutes": 48}}), ME, feature_set=SET)
    assert (row["team_games_missed_last_10"], row["team_games_missed_in_a_row"]) == (2, 2)
    assert row["minutes_per_team_game_last_10"] == pytest.approx(8 * 20 / 10)
    assert row["games_with_team_this_season"] == 10
    assert row["games_in_last_14_days"] == 5  # nights 6 to 10, of 13 minus 7 on


def test_a_game_of_0_minutes_is_missed(story: Story) -> None:
    story.game(night(0), HOME, AWAY, {ME: {"minutes": 20}, MATE: {"minutes": 200}})
    story.game(night(1), HOME, AWAY, {ME: {"minutes": 0}, MATE: {"minutes": 200}})
    row = story.row(story.game(night(2), HOME, AWAY, {ME: {"minutes": 48}}), ME, feature_set=SET)
    assert (row["team_games_missed_last_10"], row["team_games_missed_in_a_row"]) == (1, 1)


def test_with_a_new_team_only_its_games_count(story: Story) -> None:
    story.game(night(0), HOME, AWAY, {ME: {"minutes": 30, "points": 9}, MATE: {"minutes": 200}})
    story.game(night(0), ELSEWHERE, 4)
    row = story.row(story.game(night(1), ELSEWHERE, AWAY, {ME: {"minutes": 48}}), ME, feature_set=SET)
    assert (row["games_with_team_this_season"], row["team_games_missed_last_10"]) == (0, 1)
    assert (row["minutes_per_team_game_last_10"], row["team_games_missed_in_a_row"]) == (0, None)
    assert "first_game_with_team:team_games_missed_in_a_row" in row["missing"]
    assert row["n_games_season"] == 1


def test_before_the_teams_first_game_there_is_nothing_to_miss(story: Story) -> None:
    story.game("2021-12-01", HOME, AWAY, {ME: {"minutes": 20}, MATE: {"minutes": 200}}, season=2021)
    row = story.row(story.game(night(0), HOME, AWAY, {ME: {"minutes": 48}}), ME, feature_set=SET)
    assert (row["team_games_missed_last_10"], row["minutes_per_team_game_last_10"]) == (None, None)
    assert (row["team_rest_days"], row["minutes_last_7_days"], row["n_games_season"]) == (None, 0, 0)
