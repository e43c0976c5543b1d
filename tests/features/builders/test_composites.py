"""player_shot_zone_analysis, team_defense_zone_analysis and player_composite_factors, rule by rule."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from contracts.settings import FeatureSettings
from features.builders import player_composite_factors
from features.builders.compute import compute
from features.feature_sets import load_feature_set
from features.raw.facts import RawFacts

if TYPE_CHECKING:
    from conftest import Story

ME, HOME, AWAY = 7, 1, 2
FACTORS = "player_composite_factors"


def on(story: Story, *days: str, minutes: int = 30) -> None:
    for day in days:
        story.game(day, HOME, AWAY, {ME: {"minutes": minutes, "points": 20}, 8: {"minutes": 200, "points": 50}})


def born(story: Story, day: date) -> pl.DataFrame:
    return story.rows("players", [{"player_id": ME, "birth_date": day}])


def test_a_rested_player_stands_higher_than_a_tired_one(story: Story) -> None:
    on(story, "2022-11-01")
    tired = story.game("2022-11-02", HOME, AWAY, {ME: {"minutes": 30, "points": 20}})
    usual = story.game("2022-11-04", HOME, AWAY, {ME: {"minutes": 30, "points": 20}})
    rested = story.game("2022-11-20", HOME, AWAY, {ME: {"minutes": 30, "points": 20}})
    scores = [story.row(game, ME, FACTORS)["fatigue_score_unclamped"] for game in (tired, usual, rested)]
    assert scores == [85, 95, 105]  # the second has a back-to-back behind it, the third is 15 days away from it
    assert story.row(rested, ME)["fatigue_score"] == 100


@pytest.mark.parametrize(
    ("days", "minutes", "score"),
    [
        (("01", "03", "05"), 30, 100),
        (("01", "02", "04", "05"), 30, 100 - 10 - 12),  # 4 games in 7 days, two back-to-backs
        (("01", "03", "05"), 36, 100 - 8),  # over 35 minutes a game
        (("01", "02", "04", "05"), 61, 100 - 10 - 12 - 10 - 8),  # over 240 minutes
        (("05", "06"), 30, 100 - 15 - 5),  # last night, and the night before it
    ],
)
def test_fatigue_counts_games_minutes_and_back_to_backs(
    story: Story, days: tuple[str, ...], minutes: int, score: int
) -> None:
    on(story, *(f"2022-11-{day}" for day in days), minutes=minutes)
    asked = story.game("2022-11-07", HOME, AWAY, {ME: {"minutes": 30, "points": 20}})
    assert story.row(asked, ME)["fatigue_score"] == score


@pytest.mark.parametrize(
    ("birth", "loss"),
    [(date(1992, 11, 7), 5), (date(1992, 11, 8), 0), (date(1987, 11, 7), 10), (date(1987, 11, 8), 5)],
)
def test_fatigue_counts_whole_years_on_the_day(story: Story, birth: date, loss: int) -> None:
    on(story, "2022-11-04")
    asked = story.game("2022-11-07", HOME, AWAY, {ME: {"minutes": 30, "points": 20}})
    assert story.row(asked, ME, players=born(story, birth))["fatigue_score"] == 100 - loss


def test_without_a_birth_date_there_is_no_age_term_and_the_row_says_so(story: Story) -> None:
    on(story, "2022-11-04")
    asked = story.game("2022-11-07", HOME, AWAY, {ME: {"minutes": 30, "points": 20}})
    assert story.row(asked, ME, FACTORS)["has_age"] is False
    assert story.row(asked, ME, FACTORS, players=born(story, date(1992, 1, 1)))["has_age"] is True


def test_a_back_to_back_across_the_edge_of_the_fortnight_does_not_count(story: Story) -> None:
    on(story, "2022-11-06", "2022-11-07", "2022-11-18")
    inside = story.game("2022-11-20", HOME, AWAY)
    outside = story.game("2022-11-21", HOME, AWAY)
    pairs = [story.row(game, ME, FACTORS)["back_to_backs_last_14_days"] for game in (inside, outside)]
    assert pairs == [1, 0]


def star_story(story: Story) -> str:
    """Ten quiet nights and three busy ones of mine beside two stars, then the game that is asked about."""
    for n in range(10):
        attempts = 4 if n < 7 else 6
        me = {"minutes": 30, "points": 4, "fgm": 2, "fga": attempts}
        stars = {star: {"minutes": 35, "points": 20} for star in (21, 22)}
        rest = {8: {"minutes": 140, "points": 50, "fga": 60}}
        story.game((date(2022, 11, 1) + timedelta(days=2 * n)).isoformat(), HOME, AWAY, {ME: me} | stars | rest)
    return story.game("2022-11-21", HOME, AWAY, {ME: {"minutes": 30, "points": 4}})


@pytest.mark.parametrize(
    ("listed", "factor"),
    [
        ({}, 1.0),
        ({21: "out"}, 1.15),
        ({21: "out", 22: "doubtful"}, 1.30),
        ({21: "questionable"}, 1.0),
        ({8: "out"}, 1.15),  # 50 points a game: a star too
        ({ME: "out"}, 1.0),
        ({2000: "out"}, 1.0),  # a star, but of the other side
    ],
)
def test_a_usage_spike_grows_with_stars_listed_out(story: Story, listed: dict[int, str], factor: float) -> None:
    asked = star_story(story)
    entries = [
        {"player_id": player, "reported_on": date(2022, 11, 20), "status": status, "note": "", "entry": n}
        for n, (player, status) in enumerate(listed.items())
    ]
    bare = story.row(asked, ME, FACTORS)
    row = story.row(
        asked, ME, FACTORS, injuries=story.rows("injuries", entries), ingested=frozenset({"game-logs", "injuries"})
    )
    assert bare["usage_spike_score_unclamped"] > 0
    assert row["usage_spike_score_unclamped"] == pytest.approx(factor * bare["usage_spike_score_unclamped"])
    assert (bare["has_injury_source"], row["has_injury_source"]) == (False, True)


def test_a_falling_usage_is_not_multiplied(story: Story) -> None:
    asked = star_story(story)
    for line in story.box:
        if line["player_id"] == ME:
            line["fga"] = 10 - line["fga"]
    entries = story.rows(
        "injuries",
        [{"player_id": 21, "reported_on": date(2022, 11, 20), "status": "out", "note": "", "entry": 0}],
    )
    bare = story.row(asked, ME, FACTORS)["usage_spike_score_unclamped"]
    kinds = frozenset({"game-logs", "injuries"})
    assert bare < 0
    assert story.row(asked, ME, FACTORS, injuries=entries, ingested=kinds)["usage_spike_score_unclamped"] == bare


def zone_story(story: Story, opponent_pct: float) -> str:
    """A league in which 12 games are known; the opponent allows another share of twos than everybody else does."""
    day = date(2022, 11, 1)
    for n in range(12):
        for home, away in ((HOME, 3), (AWAY, 4)):
            made = 20 if home == HOME else round(40 * opponent_pct)
            against = {away * 10: {"minutes": 240, "points": 2 * made, "fgm": made, "fga": 40}}
            mine = {"minutes": 40, "points": 20, "fgm": 10, "fga": 20}
            other = {"minutes": 200, "points": 20, "fgm": 10, "fga": 20}
            own = {ME: mine, 8: other} if home == HOME else {51: mine, 52: other}
            story.game((day + timedelta(days=2 * n)).isoformat(), home, away, own, against)
    return story.game("2022-11-26", HOME, AWAY, {ME: {"minutes": 30, "points": 20}})


@pytest.mark.parametrize(("allowed", "sign"), [(0.75, 1), (0.25, -1)])
def test_a_weak_opponent_in_his_zone_is_good_for_the_shooter(story: Story, allowed: float, sign: int) -> None:
    asked = zone_story(story, allowed)
    row = story.row(asked, ME, FACTORS)
    defense = story.made("team_defense_zone_analysis")
    gap = defense.row(by_predicate=(pl.col("game_id") == asked) & (pl.col("team_id") == AWAY), named=True)
    product = 100 * gap["two_point_pct_minus_league"]  # his usage, 20 of 40 shots in 40 minutes, is above one half
    assert gap["two_point_pct_allowed"] == allowed
    assert row["shot_zone_mismatch_score_unclamped"] == pytest.approx(1.2 * product)
    assert row["shot_zone_mismatch_score"] == 10 * sign


@pytest.mark.parametrize(
    ("paint", "mid_range", "three", "zone"),
    [
        (8, 7, 5, "paint"),
        (7, 7, 6, "mid_range"),
        (6, 6, 8, "three"),
        (7, 6, 7, "balanced"),
    ],
)
def test_the_primary_zone_is_the_first_that_reaches_its_share(
    story: Story, paint: int, mid_range: int, three: int, zone: str
) -> None:
    side = {"minutes": 30, "points": 0, "fga": 20, "fg3a": three}
    first = story.game("2022-11-01", HOME, AWAY, {ME: side})
    asked = story.game("2022-11-03", HOME, AWAY, {ME: side})
    shots = {"game_id": first, "player_id": ME, "paint_made": 0, "mid_range_made": 0, "three_made": 0}
    shots |= {"paint_attempts": paint, "mid_range_attempts": mid_range, "three_attempts": three}
    row = story.row(
        asked, ME, "player_shot_zone_analysis", shot_zones=story.rows("shot_zones", [shots]),
        ingested=frozenset({"game-logs", "shot-zones"}),
    )  # fmt: skip
    assert (row["primary_zone"], row["zones"]) == (zone, "shots")
    assert (row["pct_paint"], row["pct_mid_range"], row["pct_three"]) == (paint / 20, mid_range / 20, three / 20)


def test_attempts_that_lie_in_no_zone_make_no_match_up_rather_than_a_nan() -> None:
    zones = ("paint", "mid_range", "three")
    facts = {f"{zone}_share_last_10": [0.0, 0.25] for zone in zones} | {
        f"{zone}_pct_minus_league": [0.1, 0.1] for zone in zones
    }
    gaps = pl.DataFrame(facts).select(player_composite_factors._balanced_gap()).to_series()
    assert gaps.to_list() == [None, pytest.approx(0.1)]


@pytest.mark.parametrize(("three", "zone"), [(8, "three"), (7, "two_point")])
def test_box_scores_alone_tell_two_zones(story: Story, three: int, zone: str) -> None:
    side = {"minutes": 30, "points": 0, "fga": 20, "fg3a": three}
    story.game("2022-11-01", HOME, AWAY, {ME: side})
    asked = story.game("2022-11-03", HOME, AWAY, {ME: side})
    row = story.row(asked, ME, "player_shot_zone_analysis")
    assert (row["primary_zone"], row["zones"], row["pct_paint"]) == (zone, "box", None)
    reasons = dict(part.split(":") for part in story.row(asked, ME)["missing"].split(";"))
    assert {"pct_paint", "pct_mid_range"} <= set(reasons["no_source"].split(","))


def test_free_throw_share_is_of_points_and_needs_5_games(story: Story) -> None:
    side = {"minutes": 30, "points": 10, "fgm": 4, "fga": 8, "ftm": 2, "fta": 3}
    games = [story.game(f"2022-11-0{n}", HOME, AWAY, {ME: side}) for n in range(1, 7)]
    shares = [story.row(game, ME)["pct_free_throw"] for game in games[4:]]
    assert shares == [None, pytest.approx(0.2)]


def test_the_league_counts_teams_of_10_games_over_30_days(small_league: RawFacts) -> None:
    """Pace and match-up are NULL until a team has 10 games, and vary after it: they were constant 0 once."""
    store = compute(small_league, load_feature_set("v2_33features"), FeatureSettings())["ml_feature_store"]
    later = store.filter(pl.col("season") == 2022).sort("game_date")
    dates = small_league.player_games.filter(pl.col("season") == 2022).group_by("team_id").agg(
        pl.col("game_date").unique().sort()
    )  # fmt: skip
    tenth = min(days[9] for days in dates["game_date"] if len(days) > 9)
    early, late = later.filter(pl.col("game_date") <= tenth), later.filter(pl.col("game_date") > tenth)
    for name in ("pace_score", "shot_zone_mismatch_score"):
        assert early[name].null_count() == early.height
        assert late[name].drop_nulls().n_unique() > 20
    assert store["usage_spike_score"].drop_nulls().n_unique() > 100
    factors = compute(small_league, load_feature_set("v2_33features"), FeatureSettings())[FACTORS]
    assert set(factors["n_stars_listed_out"]) >= {0, 1, 2}
