"""What the closing lines say, seen from the player's team; and what the opponent is known for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from features.feature_sets import load_feature_set

if TYPE_CHECKING:
    from conftest import Story

SET = load_feature_set("v3_67features")
ME, THEM, HOME, AWAY = 7, 9, 1, 2
LINES = ("spread", "spread_absolute", "game_total", "implied_team_total")
SIDES = ({ME: {"minutes": 240, "points": 100, "fg3a": 8}}, {THEM: {"minutes": 240, "points": 120, "fg3a": 30}})


def season(story: Story, n: int) -> str:
    for day in range(1, n + 1):
        story.game(f"2022-11-{day:02}", HOME, AWAY, *SIDES)
    return story.game("2022-11-25", HOME, AWAY, *SIDES)


def test_the_favourite_has_a_negative_spread_and_the_larger_part_of_the_total(story: Story) -> None:
    game = season(story, 3)
    lines = story.rows("game_lines", [{"game_id": game, "spread_home": -6.5, "total": 220.5}])
    mine, theirs = (story.row(game, who, feature_set=SET, game_lines=lines) for who in (ME, THEM))
    assert [mine[name] for name in LINES] == [-6.5, 6.5, 220.5, 113.5]
    assert [theirs[name] for name in LINES] == [6.5, 6.5, 220.5, 107.0]
    assert (mine["implied_total_over_last_15"], mine["implied_total_to_season"]) == (13.5, pytest.approx(1.135))
    assert (theirs["implied_total_over_last_15"], theirs["implied_total_to_season"]) == (-13, pytest.approx(107 / 120))


def test_a_game_without_a_line_has_none_of_these(story: Story) -> None:
    game = season(story, 1)
    lines = story.rows("game_lines", [{"game_id": game, "spread_home": None, "total": 220.5}])
    ingested = frozenset({"game-logs", "game-lines"})
    row = story.row(game, ME, feature_set=SET, game_lines=lines, ingested=ingested)
    assert [row[name] for name in LINES] == [None, None, 220.5, None]
    assert "no_game_line:spread,spread_absolute,implied_team_total" in row["missing"]
    assert "no_source" not in row["missing"]
    assert "no_source:spread," in story.row(game, ME, feature_set=SET)["missing"]


@pytest.mark.parametrize(("n", "known"), [(2, (None, None, None)), (3, (100, 8, None)), (5, (100, 8, 1))])
def test_the_opponents_form_needs_its_games(story: Story, n: int, known: tuple[float | None, ...]) -> None:
    row = story.row(season(story, n), ME, feature_set=SET)
    names = ("opponent_points_allowed_last_15", "opponent_threes_allowed_last_15", "opponent_win_pct")
    assert tuple(row[name] for name in names) == known
