"""Every feature there is, by name: its definition, its range, and why it may be NULL.

A definition is part of the version: a changed sentence is another hash, so the sentences say all that the value
depends on. Words used in them: D is the row's game date, and everything is before D. "last N" is the player's last N
games of more than 0 minutes with D-365 <= date < D across seasons and teams, "season" those of the same season;
fewer are used as they are. A team's last N are its games of the same season, at least 3. Possessions are
FGA + 0.44 FTA - OREB + TOV, pace is 48 x possessions / (team minutes / 5), usage is (FGA + 0.44 FTA + TOV) x (team
minutes / 5) / (minutes x team (FGA + 0.44 FTA + TOV)) with each term summed over the window. Thresholds are held
against values rounded to 9 decimals. Without an active game behind the player every feature is NULL save
games_in_last_7_days, games_vs_opponent (0), home_away, back_to_back, playoff_game and has_vegas_line.
"""

from __future__ import annotations

from collections.abc import Collection

from contracts.feature_set import Feature
from features import definitions_v3

_CACHE = "player_daily_cache"
_FACTORS = "player_composite_factors"
_DEFENSE = "team_defense_zone_analysis"
_SHOTS = "player_shot_zone_analysis"
_STORE = "ml_feature_store"

_FORM = (
    Feature("points_avg_last_5", _CACHE, "Mean points, last 5.", 0, None, "no_recent_games"),
    Feature("points_avg_last_10", _CACHE, "Mean points, last 10.", 0, None, "no_recent_games"),
    Feature("points_avg_season", _CACHE, "Mean points, season.", 0, None, "first_game_of_season"),
    Feature(
        "points_std_last_10",
        _CACHE,
        "Sample standard deviation (n-1) of points, last 10; needs 2 games.",
        0,
        None,
        "too_few_games",
    ),
    Feature("games_in_last_7_days", _CACHE, "Number of his active games with D-7 <= date < D.", 0, 7),
    Feature(
        "recent_trend",
        _CACHE,
        "Mean points of his 3 latest games minus mean of the 2 before them (of last 5, needs 5): >= 5 is 2, >= 2 is 1, "
        "<= -5 is -2, <= -2 is -1, else 0; positive is rising.",
        -2,
        2,
        "too_few_games",
    ),
    Feature(
        "minutes_change",
        _CACHE,
        "(Mean minutes last 10 - mean minutes season) / mean minutes season: >= 0.20 is 2, >= 0.10 is 1, <= -0.20 is "
        "-2, <= -0.10 is -1, else 0.",
        -2,
        2,
        "first_game_of_season",
    ),
    Feature("minutes_avg_last_10", _CACHE, "Mean minutes, last 10.", 0, 53, "no_recent_games"),
    Feature("ppm_avg_last_10", _CACHE, "Sum of points / sum of minutes, last 10.", 0, None, "no_recent_games"),
)

_HEALTH_AND_TEAM = (
    Feature(
        "injury_risk",
        _CACHE,
        "His listed status at the cut-off: available or not listed 0, probable 1, questionable or day-to-day 2, "
        "doubtful or out 3; the latest entry by day, then order, of those known: stamped with a day, from the next day "
        "on; stamped with a time, captured at or before tip-off minus line_cutoff_minutes.",
        0,
        3,
        "no_history",
    ),
    Feature(
        "rest_advantage",
        _CACHE,
        "Days of rest of his team minus the opponent's, clamped to -2..2; days of rest: D minus the date of the "
        "previous game of the same season, minus 1; NULL where either plays its first.",
        -2,
        2,
        "first_game_of_season",
    ),
    Feature("back_to_back", _CACHE, "1 if his team played on D-1, else 0.", 0, 1, may_be_constant=True),
    Feature("team_pace_last_10", _CACHE, "Mean pace of his team's last 10 games.", 80, 120, "too_few_games"),
    Feature(
        "team_off_rating_last_10",
        _CACHE,
        "100 x sum of points / sum of possessions of his team's last 10 games.",
        80,
        140,
        "too_few_games",
    ),
    Feature("team_win_pct", _CACHE, "Wins / games of his team this season; needs 5 games.", 0, 1, "too_few_games"),
)

_COMPOSITES = (
    Feature(
        "fatigue_score",
        _FACTORS,
        "100 (rested); active on D-1 -15, else 3 or more days of rest (his own active games of the season; none yet: "
        "rested) +5; over D-7 <= date < D: 4+ active games -10, over 240 minutes -10, over 35 minutes a game on "
        "average -8; pairs of active games on consecutive dates, both in D-14 <= date < D: 2+ -12, 1 -5; age in whole "
        "years on D: 35+ -10, 30+ -5 (no birth date: no term); clamped to 0..100; no active game with D-365 <= date: "
        "NULL.",
        0,
        100,
        "no_recent_games",
    ),
    Feature(
        "shot_zone_mismatch_score",
        _FACTORS,
        "(Percentage the opponent's last 15 games allow in the player's primary zone minus the percentage allowed by "
        "the league, in percentage points) x min(usage last 10 / 0.5, 1), x 1.2 where the absolute product exceeds 5, "
        "then clamped to -10..10; positive is good for the shooter. League: sums over all games with D-30 <= date < D "
        "of teams with 10 or more games this season. Primary zone by shares of attempts, last 10: paint >= 0.40, else "
        "mid-range >= 0.35, else three >= 0.40, else balanced (the mean over zones weighted by his shares). Without "
        "shot data: three if its share is >= 0.40, else two_point, for player, opponent and league alike.",
        -10,
        10,
        "no_match_up",
    ),
    Feature(
        "pace_score",
        _FACTORS,
        "((team_pace_last_10 + opponent_pace) / 2 - league pace) / 2, clamped to -3..3; league pace: the mean over all "
        "games with D-30 <= date < D of teams with 10 or more games this season.",
        -3,
        3,
        "too_few_games",
    ),
    Feature(
        "usage_spike_score",
        _FACTORS,
        "30 x (usage last 3 - usage last 10); if positive, x 1.15 with one star team-mate listed out (out or doubtful "
        "at the cut-off), x 1.30 with two or more (star: 20 or more points a game this season; team-mate: his latest "
        "appearance is for this team); clamped to -3..3; needs 3 active games; without injury source x 1.",
        -3,
        3,
        "too_few_games",
    ),
)

_OPPONENT_AND_SHOTS = (
    Feature(
        "opponent_def_rating",
        _DEFENSE,
        "100 x sum of points allowed / sum of the opponents' possessions of the opponent's last 15 games.",
        80,
        140,
        "too_few_games",
    ),
    Feature("opponent_pace", _DEFENSE, "Mean pace of the opponent's last 15 games.", 80, 120, "too_few_games"),
    Feature("pct_paint", _SHOTS, "Attempts in the paint / attempts, last 10.", 0, 1, "no_attempts"),
    Feature("pct_mid_range", _SHOTS, "Mid-range attempts / attempts, last 10.", 0, 1, "no_attempts"),
    Feature("pct_three", _SHOTS, "Three-point attempts / attempts by the box scores, last 10.", 0, 1, "no_attempts"),
    Feature(
        "pct_free_throw",
        _SHOTS,
        "Sum of free throws made / sum of points, last 10; needs 5 games and a point.",
        0,
        1,
        "too_few_games_or_points",
    ),
)

_GAME = (
    Feature("home_away", _STORE, "1 at home, 0 away.", 0, 1, may_be_constant=True),
    Feature("playoff_game", _STORE, "1 in the playoffs (SEASON_ID begins with 4), else 0.", 0, 1, may_be_constant=True),
    Feature(
        "vegas_points_line",
        _STORE,
        "Median over books of each book's latest points line captured at or before tip-off minus line_cutoff_minutes; "
        "two of one book at one instant: their mean; without tip-off none.",
        0,
        60,
        "no_line",
    ),
    Feature(
        "vegas_opening_line",
        _STORE,
        "Median over books of each book's first points line, if captured at or before tip-off minus "
        "line_cutoff_minutes.",
        0,
        60,
        "no_line",
    ),
    Feature("vegas_line_move", _STORE, "vegas_points_line minus vegas_opening_line.", None, None, "no_line"),
    Feature("has_vegas_line", _STORE, "1 if vegas_points_line is known, else 0.", 0, 1, may_be_constant=True),
    Feature(
        "avg_points_vs_opponent",
        _STORE,
        "Mean points in his active games against this opponent with D - 3 calendar years <= date < D.",
        0,
        None,
        "no_games_vs_opponent",
    ),
    Feature(
        "games_vs_opponent",
        _STORE,
        "Number of his active games against this opponent with D - 3 calendar years <= date < D.",
        0,
        None,
    ),
)

DEFINITIONS: dict[str, Feature] = {
    feature.name: feature
    for group in (_FORM, _HEALTH_AND_TEAM, _COMPOSITES, _OPPONENT_AND_SHOTS, _GAME, definitions_v3.FEATURES)
    for feature in group
}

_SOURCES = {
    "injury_risk": "injuries",
    "pct_paint": "shot-zones",
    "pct_mid_range": "shot-zones",
    "vegas_points_line": "points-lines",
    "vegas_opening_line": "points-lines",
    "vegas_line_move": "points-lines",
    **definitions_v3.SOURCES,
}
"""The features that a source of their own carries: without it they are absent."""


def absent_features(ingested: Collection[str]) -> set[str]:
    """The names of the features whose source is not among the `ingested` kinds."""
    return {name for name, source in _SOURCES.items() if source not in ingested}


def features_fed_by(kinds: Collection[str]) -> set[str]:
    """The names of the features that a source among `kinds` carries."""
    return {name for name, source in _SOURCES.items() if source in kinds}
