"""What team-mates leave to a player: told before the game, by who was away from the previous one and by the lists."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from features.feature_sets import load_feature_set

if TYPE_CHECKING:
    from conftest import Story

SET = load_feature_set("v3_74features")
ME, STAR, ROOKIE, HOME, AWAY, ELSEWHERE = 7, 8, 9, 1, 2, 3
EVERYTHING = frozenset({"game-logs", "injuries"})


def night(n: int) -> str:
    return (date(2022, 11, 1) + timedelta(days=2 * n)).isoformat()


def side(**minutes: int) -> dict[int, dict[str, int]]:
    """Each player's minutes; he scores half of them."""
    names = {"me": ME, "star": STAR, "rookie": ROOKIE}
    return {names[name]: {"minutes": played, "points": played // 2} for name, played in minutes.items()}


def season(story: Story, *sides: dict[int, dict[str, int]]) -> str:
    """A game of the team for each side, two days apart, then the one that is asked about; returns its id."""
    for n, each in enumerate(sides):
        story.game(night(n), HOME, AWAY, each)
    return story.game(night(len(sides)), HOME, AWAY, side(me=40, star=40, rookie=40))


def listed(story: Story, *entries: tuple[int, str, str], captured_at: datetime | None = None) -> dict[str, Any]:
    rows = [
        {"player_id": player, "reported_on": date.fromisoformat(day), "status": status, "note": "", "entry": place}
        | {"captured_at": captured_at}
        for place, (player, day, status) in enumerate(entries)
    ]
    return {"injuries": story.rows("injuries", rows), "ingested": EVERYTHING}


def test_who_was_away_from_the_previous_game_is_absent_with_what_he_played_of_late(story: Story) -> None:
    games = [side(me=20, star=36, rookie=10)] * 4 + [side(me=30, rookie=12)] * 2
    row = story.row(season(story, *games), ME, feature_set=SET)
    assert row["absent_mates_minutes_last_10"] == pytest.approx(4 * 36 / 10)
    assert row["absent_mates_minutes_last_5"] == pytest.approx(3 * 36 / 5)
    assert row["absent_mates_points_last_10"] == pytest.approx(4 * 18 / 10)
    assert row["absent_mates_usual_points"] == pytest.approx(4 * 18 / 10)
    assert row["present_mates_usual_minutes"] == pytest.approx((4 * 10 + 2 * 12) / 10)
    assert row["present_mates_usual_points"] == pytest.approx((4 * 5 + 2 * 6) / 10)


def test_a_player_is_not_his_own_team_mate(story: Story) -> None:
    game = season(story, side(me=20, star=36, rookie=10), side(me=20, rookie=10))
    row = story.row(game, STAR, feature_set=SET)
    assert row["absent_mates_minutes_last_10"] == 0
    assert row["present_mates_usual_minutes"] == pytest.approx(60 / 10)


def test_who_appears_in_the_game_itself_changes_nothing(story: Story) -> None:
    games = [side(me=20, star=36, rookie=10)] * 3
    for n, each in enumerate(games):
        story.game(night(n), HOME, AWAY, each)
    other = type(story)()
    for n, each in enumerate(games):
        other.game(night(n), HOME, AWAY, each)
    asked = story.game(night(3), HOME, AWAY, side(me=40, star=40))
    other.game(night(3), HOME, AWAY, side(me=48, rookie=48))
    mine = [each.row(asked, ME, feature_set=SET) for each in (story, other)]
    assert [mine[0][name] for name in SET.names] == [mine[1][name] for name in SET.names]


def test_a_traded_player_is_a_mate_of_his_new_team_only(story: Story) -> None:
    story.game(night(0), HOME, AWAY, side(me=20, star=36))
    story.game(night(1), ELSEWHERE, 4, side(star=30))
    story.game(night(1), HOME, AWAY, side(me=20))
    row = story.row(story.game(night(2), HOME, AWAY, side(me=20)), ME, feature_set=SET)
    assert (row["absent_mates_minutes_last_10"], row["present_mates_usual_minutes"]) == (0, 0)


def test_plays_of_mates_are_per_game_of_ten(story: Story) -> None:
    there = {ME: {"minutes": 20}, STAR: {"minutes": 30, "fga": 10, "fta": 5, "turnovers": 2}}
    row = story.row(season(story, there), ME, feature_set=SET)
    assert row["present_mates_usual_plays"] == pytest.approx((10 + 0.44 * 5 + 2) / 10)


def test_ranks_are_among_those_who_were_there_and_equals_share_the_smaller(story: Story) -> None:
    game = season(story, side(me=20, star=36, rookie=20), side(me=20, rookie=20))
    ranks = {who: story.row(game, who, feature_set=SET)["minutes_rank_in_team"] for who in (ME, STAR, ROOKIE)}
    assert ranks == {ME: 1, ROOKIE: 1, STAR: None}
    assert "was_not_there:minutes_rank_in_team,points_rank_in_team" in story.row(game, STAR, feature_set=SET)["missing"]


@pytest.mark.parametrize(
    ("entries", "sidelined", "returned"),
    [
        ([(night(2), "out")], 36 * 3, 0),  # on the day of his latest game, known from the next day on
        ([(night(2), "day_to_day")], 36 * 3, 0),
        ([("2022-11-06", "out")], 36 * 3, 0),
        ([("2022-11-04", "out")], 0, 0),  # he has played since
        ([(night(3), "out")], 0, 0),  # the day of the game itself: not known
        ([("2022-11-06", "out"), ("2022-11-06", "available")], 0, 0),  # returned, but he was there all the time
    ],
)
def test_a_mate_is_sidelined_by_an_entry_since_his_latest_appearance(
    story: Story, entries: list[tuple[str, str]], sidelined: int, returned: int
) -> None:
    game = season(story, *[side(me=20, star=36)] * 3)
    frames = listed(story, *((STAR, *entry) for entry in entries))
    row = story.row(game, ME, feature_set=SET, **frames)
    assert row["sidelined_mates_minutes_last_10"] == pytest.approx(sidelined / 10)
    assert row["sidelined_mates_minutes_last_5"] == pytest.approx(sidelined / 5)
    assert row["sidelined_mates_points_last_10"] == pytest.approx(sidelined / 20)
    assert row["newly_sidelined_mates_minutes"] == pytest.approx(sidelined / 10)
    assert row["returned_mates_usual_minutes"] == returned


def test_a_mate_who_was_away_and_is_available_again_has_returned(story: Story) -> None:
    game = season(story, side(me=20, star=36), side(me=20, star=36), side(me=25))
    frames = listed(story, (STAR, "2022-11-04", "out"), (STAR, "2022-11-06", "available"))
    row = story.row(game, ME, feature_set=SET, **frames)
    assert (row["returned_mates_minutes_last_10"], row["returned_mates_usual_minutes"]) == (7.2, 7.2)
    assert (row["sidelined_mates_minutes_last_10"], row["newly_sidelined_mates_minutes"]) == (0, 0)


def test_an_entry_with_a_time_is_known_if_captured_by_the_cut_off(story: Story) -> None:
    for n in range(2):
        story.game(night(n), HOME, AWAY, side(me=20, star=36))
    asked = story.game(night(2), HOME, AWAY, side(me=20), tip_off="2022-11-06T00:30:00+00:00")
    for captured_at, minutes in (
        (datetime(2022, 11, 5, 23, 30, tzinfo=UTC), 72),
        (datetime(2022, 11, 5, 23, 31, tzinfo=UTC), 0),
    ):
        frames = listed(story, (STAR, night(2), "out"), captured_at=captured_at)
        row = story.row(asked, ME, feature_set=SET, **frames)
        assert row["newly_sidelined_mates_minutes"] == pytest.approx(minutes / 10)


def test_without_injury_lists_their_features_are_absent_and_the_others_are_there(story: Story) -> None:
    row = story.row(season(story, side(me=20, star=36)), ME, feature_set=SET)
    assert row["sidelined_mates_minutes_last_5"] is None
    assert "no_source:" in row["missing"]
    assert "sidelined_mates_minutes_last_5" in row["missing"]
    assert row["present_mates_usual_minutes"] == pytest.approx(3.6)
