"""What the books' other lines say: his own of earlier games, and the moves of his team-mates' lines tonight."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from features.feature_sets import load_feature_set

if TYPE_CHECKING:
    from conftest import Story

SET = load_feature_set("v3_78features")
ME, STAR, ROOKIE, RIVAL, HOME, AWAY = 7, 8, 9, 20, 1, 2
MINE = {who: {"minutes": 24, "points": 12} for who in (ME, STAR, ROOKIE)}
THEIRS = {RIVAL: {"minutes": 30, "points": 15}}
INGESTED = frozenset({"game-logs", "points-lines"})
Quote = tuple[str, int, int, float]
"""Game, player, minutes before tip-off, line."""


def tip_off(n: int) -> datetime:
    return datetime.fromisoformat(f"{date(2022, 11, 1) + timedelta(days=2 * n)}T23:30:00+00:00")


def games(story: Story, n: int) -> list[str]:
    """Ids of n games of the two teams, two days apart."""
    return [
        story.game(tip_off(k).date().isoformat(), HOME, AWAY, MINE, THEIRS, tip_off=tip_off(k).isoformat())
        for k in range(n)
    ]


def quoted(story: Story, *quotes: Quote) -> dict[str, Any]:
    rows = [
        {"game_id": game, "player_id": player, "book": "oakline", "line": line, "tip_off_at": None}
        | {"captured_at": tip_off(int(game[-5:])) - timedelta(minutes=minutes)}
        for game, player, minutes, line in quotes
    ]
    return {"points_lines": story.rows("points_lines", rows), "ingested": INGESTED}


def test_the_latest_of_his_earlier_lines_weighs_most_and_tonights_is_none_of_them(story: Story) -> None:
    *earlier, tonight = games(story, 4)
    lines = [(game, ME, 90, line) for game, line in zip(earlier, (10.5, 12.5, 20.5), strict=True)]
    row = story.row(tonight, ME, feature_set=SET, **quoted(story, *lines, (tonight, ME, 90, 40.5)))
    latest_first = [0.5 ** (age / 4) for age in range(3)]
    weighed = sum(weight * line for weight, line in zip(latest_first, (20.5, 12.5, 10.5), strict=True))
    assert row["line_decayed_4"] == pytest.approx(weighed / sum(latest_first))
    assert row["vegas_points_line"] == 40.5


def test_an_earlier_line_is_what_was_known_at_the_cut_off_of_its_own_game(story: Story) -> None:
    earlier, tonight = games(story, 2)
    late = [(earlier, ME, 90, 10.5), (earlier, ME, 61, 11.5), (earlier, ME, 59, 30.5), (earlier, ME, -30, 35.5)]
    assert story.row(tonight, ME, feature_set=SET, **quoted(story, *late))["line_decayed_4"] == 11.5
    only_late = quoted(story, *late[2:])
    row = story.row(tonight, ME, feature_set=SET, **only_late)
    assert row["line_decayed_4"] is None
    assert "no_earlier_line:line_decayed_4" in row["missing"]


def test_a_line_of_a_game_that_he_then_missed_counts(story: Story) -> None:
    first, missed, tonight = (
        story.game(tip_off(k).date().isoformat(), HOME, AWAY, side, THEIRS, tip_off=tip_off(k).isoformat())
        for k, side in enumerate((MINE, {STAR: MINE[STAR]}, MINE))
    )
    row = story.row(tonight, ME, feature_set=SET, **quoted(story, (first, ME, 90, 10.5), (missed, ME, 90, 20.5)))
    assert row["line_decayed_4"] == pytest.approx((20.5 + 0.5**0.25 * 10.5) / (1 + 0.5**0.25))


def test_lines_of_the_season_before_are_forgotten(story: Story) -> None:
    last_season = story.game("2022-04-01", HOME, AWAY, MINE, THEIRS, season=2021, tip_off="2022-04-01T23:30:00+00:00")
    tonight = story.game("2022-11-01", HOME, AWAY, MINE, THEIRS, tip_off=tip_off(0).isoformat())
    rows = [
        {"game_id": last_season, "player_id": ME, "book": "oakline", "line": 10.5}
        | {"captured_at": datetime.fromisoformat("2022-04-01T20:00:00+00:00")}
    ]
    frames = {"points_lines": story.rows("points_lines", rows), "ingested": INGESTED}
    assert story.row(tonight, ME, feature_set=SET, **frames)["line_decayed_4"] is None


def test_the_moves_of_his_mates_lines_are_added_up_and_not_his_own_nor_a_rivals(story: Story) -> None:
    _, tonight = games(story, 2)
    moves = {ME: (10.5, 14.5), STAR: (20.5, 22.0), ROOKIE: (8.5, 8.0), RIVAL: (15.5, 25.5)}
    quotes = [(tonight, who, 600, first) for who, (first, _) in moves.items()]
    quotes += [(tonight, who, 70, latest) for who, (_, latest) in moves.items()]
    frames = quoted(story, *quotes)
    found = {
        who: story.row(tonight, who, feature_set=SET, **frames)["mates_line_move"] for who in (ME, STAR, ROOKIE, RIVAL)
    }
    assert found == {ME: 1.5 - 0.5, STAR: 4.0 - 0.5, ROOKIE: 4.0 + 1.5, RIVAL: None}


def test_lines_that_stood_still_are_a_move_of_0_and_none_at_all_is_null(story: Story) -> None:
    _, tonight = games(story, 2)
    row = story.row(
        tonight, ME, feature_set=SET, **quoted(story, (tonight, STAR, 600, 20.5), (tonight, STAR, 70, 20.5))
    )
    assert row["mates_line_move"] == 0
    row = story.row(tonight, ME, feature_set=SET, **quoted(story, (tonight, ME, 600, 20.5)))
    assert row["mates_line_move"] is None
    assert "mates_line_move" in row["missing"].partition("no_line_of_a_mate:")[2]


def test_a_move_after_the_cut_off_is_not_known(story: Story) -> None:
    _, tonight = games(story, 2)
    quotes = [(tonight, STAR, 600, 20.5), (tonight, STAR, 70, 21.5), (tonight, STAR, 30, 30.5)]
    assert story.row(tonight, ME, feature_set=SET, **quoted(story, *quotes))["mates_line_move"] == 1.0


def test_without_the_source_both_are_absent(story: Story) -> None:
    _, tonight = games(story, 2)
    row = story.row(tonight, ME, feature_set=SET)
    assert (row["line_decayed_4"], row["mates_line_move"]) == (None, None)
    told = row["missing"].partition("no_source:")[2].partition(";")[0].split(",")
    assert {"line_decayed_4", "mates_line_move"} <= set(told)
