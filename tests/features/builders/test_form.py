"""player_daily_cache: a player's form and his team's, rule by rule, told by leagues of a few games."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from features.feature_sets import load_feature_set

if TYPE_CHECKING:
    from conftest import Story

ME, HOME, AWAY = 7, 1, 2


def night(n: int, first: str = "2022-11-01") -> str:
    return (date.fromisoformat(first) + timedelta(days=n)).isoformat()


def play(story: Story, points: list[int], *, minutes: int = 30, every: int = 2, first: str = "2022-11-01") -> str:
    """One game of mine for each of `points`, then the game that is asked about; returns its id."""
    for n, scored in enumerate(points):
        story.game(
            night(n * every, first), HOME, AWAY, {ME: {"minutes": minutes, "points": scored}, 8: {"minutes": 200}}
        )
    return story.game(night(len(points) * every, first), HOME, AWAY, {ME: {"minutes": 48, "points": 99}})


def test_averages_do_not_contain_the_game_itself(story: Story) -> None:
    row = story.row(play(story, [10, 20]), ME)
    assert (row["points_avg_last_5"], row["points_avg_season"], row["points"]) == (15, 15, 99)


def test_a_game_of_0_minutes_is_a_row_but_in_no_average(story: Story) -> None:
    story.game(night(0), HOME, AWAY, {ME: {"minutes": 30, "points": 20}, 8: {"minutes": 9}})
    brief = story.game(night(2), HOME, AWAY, {ME: {"minutes": 0, "points": 0}, 8: {"minutes": 9}})
    absent = story.game(night(4), HOME, AWAY, {8: {"minutes": 9}})
    asked = story.game(night(6), HOME, AWAY, {ME: {"minutes": 30, "points": 4}})
    row = story.row(asked, ME)
    assert (row["points_avg_last_5"], row["games_in_last_7_days"], row["n_active_games_season"]) == (20, 1, 1)
    assert (story.row(brief, ME)["state"], story.row(brief, ME)["minutes"]) == ("under_30_seconds", 0)
    assert story.row(brief, ME)["points"] is None
    assert (story.row(absent, ME)["state"], story.row(absent, ME)["minutes"]) == ("absent", None)


def test_last_10_are_games_not_30_days(story: Story) -> None:
    row = story.row(play(story, [10] * 5 + [20] * 5, every=20), ME)
    assert (row["minutes_avg_last_10"], row["ppm_avg_last_10"]) == (30, pytest.approx(0.5))


def test_last_n_reach_back_365_days_and_no_further(story: Story) -> None:
    story.game("2021-11-01", HOME, AWAY, {ME: {"minutes": 30, "points": 40}}, season=2021)
    on_the_day = story.game("2022-11-01", HOME, AWAY, {ME: {"minutes": 30, "points": 10}})
    story_row = story.row(on_the_day, ME)
    assert (story_row["points_avg_last_5"], story_row["points_avg_season"]) == (40, None)
    later = story.game("2023-11-03", HOME, AWAY, {ME: {"minutes": 30, "points": 10}}, season=2023)
    row = story.row(later, ME)
    assert (row["points_avg_last_5"], row["fatigue_score"]) == (None, None)
    assert "no_recent_games:points_avg_last_5" in row["missing"]


def test_a_rising_player_has_a_positive_trend(story: Story) -> None:
    assert story.row(play(story, [10, 10, 15, 15, 15]), ME)["recent_trend"] == 2


@pytest.mark.parametrize(
    ("points", "trend"),
    [
        ([10, 10, 12, 12, 12], 1),
        ([10, 10, 11, 11, 11], 0),
        ([12, 12, 10, 10, 10], -1),
        ([15, 15, 10, 10, 10], -2),
        ([10, 10, 15, 15], None),
    ],
)
def test_the_trend_steps_at_2_and_5_points_and_needs_5_games(
    story: Story, points: list[int], trend: int | None
) -> None:
    assert story.row(play(story, points), ME)["recent_trend"] == trend


@pytest.mark.parametrize(("minutes", "change"), [(24, 2), (22, 1), (21, 0), (18, -1), (16, -2)])
def test_minutes_change_steps_at_a_tenth_and_a_fifth(story: Story, minutes: int, change: int) -> None:
    """Ten early games outside the last 10 make the season's mean 20 whatever the last 10 are."""
    for n in range(10):
        story.game(night(n), HOME, AWAY, {ME: {"minutes": 40 - minutes, "points": 2}, 8: {"minutes": 200}})
    for n in range(10):
        story.game(night(10 + n), HOME, AWAY, {ME: {"minutes": minutes, "points": 2}, 8: {"minutes": 200}})
    asked = story.game(night(30), HOME, AWAY)
    assert story.row(asked, ME)["minutes_change"] == change


def test_the_standard_deviation_is_the_samples_and_needs_two_games(story: Story) -> None:
    assert story.row(play(story, [10, 14]), ME)["points_std_last_10"] == pytest.approx(8**0.5)


def test_one_game_has_no_standard_deviation(story: Story) -> None:
    row = story.row(play(story, [10]), ME)
    assert row["points_std_last_10"] is None
    assert "too_few_games:points_std_last_10" in row["missing"]


def test_win_percentage_moves_with_wins_and_needs_5_games(story: Story) -> None:
    for n in range(5):
        asked = story.game(night(n), HOME, AWAY, {ME: {"minutes": 30, "points": 102 if n < 4 else 98}})
    assert story.row(asked, ME)["team_win_pct"] is None
    after = story.game(night(9), HOME, AWAY, {ME: {"minutes": 30, "points": 2}})
    assert story.row(after, ME)["team_win_pct"] == pytest.approx(0.8)


def test_a_teams_games_of_last_season_are_not_its_form(story: Story) -> None:
    for n in range(6):
        story.game(night(n, "2022-04-01"), HOME, AWAY, {ME: {"minutes": 30, "points": 20}}, season=2021)
    asked = story.game("2022-10-20", HOME, AWAY, {ME: {"minutes": 30, "points": 20}})
    row = story.row(asked, ME)
    assert row["points_avg_last_10"] == 20
    assert [row[name] for name in ("team_pace_last_10", "team_win_pct", "opponent_def_rating", "rest_advantage")] == (
        [None] * 4
    )


def test_pace_and_ratings_are_per_48_minutes_and_100_possessions(story: Story) -> None:
    """A team of 240 minutes with 90 shots, 20 free throws, 10 offensive rebounds and 11 turnovers: 99.8 possessions."""
    side = {"minutes": 240, "points": 100, "fgm": 45, "fga": 90, "ftm": 10, "fta": 20, "oreb": 10, "turnovers": 11}
    for n in range(3):
        story.game(night(n), HOME, AWAY, {ME: side}, {50: side | {"points": 90, "fgm": 40}})
    row = story.row(story.game(night(9), HOME, AWAY), ME)
    assert row["team_pace_last_10"] == pytest.approx(99.8)
    assert row["team_off_rating_last_10"] == pytest.approx(100 * 100 / 99.8)
    assert row["opponent_def_rating"] == pytest.approx(100 * 100 / 99.8)
    assert row["opponent_pace"] == pytest.approx(99.8)


def test_rest_advantage_is_his_teams_rest_minus_the_opponents_clamped(story: Story) -> None:
    story.game("2022-11-01", HOME, 3, {ME: {"minutes": 30, "points": 20}})
    story.game("2022-11-06", AWAY, 3)
    asked = story.game("2022-11-07", HOME, AWAY, {ME: {"minutes": 30, "points": 20}})
    cache = story.row(asked, ME, "player_daily_cache")
    assert (cache["team_rest_days"], cache["opponent_rest_days"]) == (5, 0)
    assert (cache["rest_advantage"], cache["rest_advantage_unclamped"]) == (2, 5)


def test_back_to_back_is_the_teams_whether_he_played_or_not(story: Story) -> None:
    story.game("2022-11-01", HOME, AWAY, {ME: {"minutes": 30, "points": 20}, 8: {"minutes": 9}})
    story.game("2022-11-03", HOME, AWAY, {8: {"minutes": 9}})
    row = story.row(story.game("2022-11-04", HOME, AWAY, {ME: {"minutes": 30, "points": 2}}), ME)
    assert (row["back_to_back"], row["games_in_last_7_days"]) == (1, 1)


def test_his_windows_follow_him_to_another_team_and_his_team_is_this_games(story: Story) -> None:
    for n in range(5):
        story.game(night(n), HOME, AWAY, {ME: {"minutes": 30, "points": 20}, 8: {"minutes": 9}})
    for n in range(5):
        story.game(night(n), 3, 4, {31: {"minutes": 240, "points": 120}})
    row = story.row(story.game(night(9), 3, AWAY, {ME: {"minutes": 30, "points": 5}}), ME)
    assert (row["points_avg_last_5"], row["team_win_pct"], row["team_id"]) == (20, 1, 3)


def test_meetings_count_three_calendar_years_back(story: Story) -> None:
    story.game("2020-02-28", HOME, AWAY, {ME: {"minutes": 30, "points": 40}}, season=2019)
    story.game("2020-02-29", HOME, AWAY, {ME: {"minutes": 30, "points": 20}}, season=2019)
    story.game("2022-11-01", HOME, 3, {ME: {"minutes": 30, "points": 99}})
    row = story.row(story.game("2023-02-28", HOME, AWAY, {ME: {"minutes": 30, "points": 1}}), ME)
    assert (row["avg_points_vs_opponent"], row["games_vs_opponent"]) == (30, 2)
    row = story.row(story.game("2023-03-01", HOME, AWAY, {ME: {"minutes": 30, "points": 1}}), ME)
    assert row["games_vs_opponent"] == 1  # those of February 2020 are more than three years back


def test_without_an_active_game_behind_him_only_six_columns_have_values(story: Story) -> None:
    for n in range(6):
        story.game(night(n), HOME, AWAY)
    row = story.row(story.game(night(9), HOME, AWAY, {ME: {"minutes": 30, "points": 20}}), ME)
    known = {name for name in load_feature_set("v2_33features").names if row[name] is not None}
    assert known == {
        *("games_in_last_7_days", "games_vs_opponent", "home_away", "back_to_back", "playoff_game", "has_vegas_line")
    }
    assert (row["games_in_last_7_days"], row["games_vs_opponent"]) == (0, 0)
    reasons = dict(part.split(":") for part in row["missing"].split(";"))
    assert set(reasons) == {"no_history", "no_source"}
    assert sum(len(names.split(",")) for names in reasons.values()) == 33 - len(known)
