"""The features that only the v3 sets name, theme by theme.

The words of features.definitions hold here too; what these sentences need beyond them, they say themselves, so that
it is part of the hash. "His team" is the row's.
"""

from __future__ import annotations

from collections.abc import Collection

from contracts.feature_set import Feature, FeatureSet

_CACHE = "player_daily_cache"
_FACTORS = "player_composite_factors"
_STORE = "ml_feature_store"


def is_named(group: Collection[Feature], feature_set: FeatureSet) -> bool:
    """Whether `feature_set` has a feature of `group`."""
    return not {feature.name for feature in group}.isdisjoint(feature_set.names)


def _weights(half_life: int) -> str:
    return (
        f"decayed over all of his active games before D, of whatever season: the latest weighs 1 and each earlier one "
        f"0.5^(1/{half_life}) of the one after it; sum of weight x value / sum of weights"
    )


def _decayed(name: str, of: str, half_life: int) -> Feature:
    return Feature(name, _STORE, f"Mean of {of}, {_weights(half_life)}.", 0, None, "no_history")


def _rate(name: str, above: str, below: str, half_life: int, high: float | None = None) -> Feature:
    sentence = f"Mean of {above} / mean of {below}, both {_weights(half_life)}; NULL where the latter is 0."
    return Feature(name, _STORE, sentence, 0, high, "no_attempts")


DECAYED_FORM = (
    *(_decayed(f"points_decayed_{h}", "points", h) for h in (2, 5, 10, 20)),
    *(_decayed(f"minutes_decayed_{h}", "minutes", h) for h in (2, 5, 20)),
    *(_decayed(f"fga_decayed_{h}", "field goals attempted", h) for h in (5, 15)),
    _decayed("fta_decayed_15", "free throws attempted", 15),
    _decayed("fg3a_decayed_15", "three-pointers attempted", 15),
    _decayed("assists_decayed_15", "assists", 15),
    _decayed("rebounds_decayed_15", "rebounds", 15),
    *(_rate(f"ppm_decayed_{h}", "points", "minutes", h) for h in (15, 40)),
    *(_rate(f"plays_per_minute_decayed_{h}", "plays (FGA + 0.44 FTA + TOV)", "minutes", h) for h in (5, 40)),
    _rate("points_per_play_decayed_40", "points", "plays (FGA + 0.44 FTA + TOV)", 40),
    _rate("fg3_pct_decayed_40", "three-pointers made", "three-pointers attempted", 40, 1),
    _rate("ft_pct_decayed_40", "free throws made", "free throws attempted", 40, 1),
    Feature(
        "usage_decayed_10",
        _STORE,
        "His plays (FGA + 0.44 FTA + TOV) x his team's minutes / (5 x his minutes x his team's plays), each of the "
        f"four a mean {_weights(10)}; the team's are sums over its players in the same game.",
        0,
        None,
        "no_attempts",
    ),
)

RECENT_GAMES = (
    Feature(
        "points_median_last_20",
        _STORE,
        "Median of points, last 20; of an even number the mean of the middle two.",
        0,
        None,
        "no_recent_games",
    ),
    Feature(
        "points_std_last_20",
        _STORE,
        "Sample standard deviation (n-1) of points, last 20; needs 2 games.",
        0,
        None,
        "too_few_games",
    ),
    Feature(
        "minutes_std_last_10",
        _STORE,
        "Sample standard deviation (n-1) of minutes, last 10; needs 2 games.",
        0,
        None,
        "too_few_games",
    ),
    Feature("minutes_max_last_10", _STORE, "Largest minutes, last 10.", 1, None, "no_recent_games"),
    Feature("minutes_min_last_10", _STORE, "Smallest minutes, last 10.", 1, None, "no_recent_games"),
    Feature("points_last_game", _STORE, "Points of his latest active game, however long ago.", 0, None, "no_history"),
    Feature("minutes_last_game", _STORE, "Minutes of his latest active game, however long ago.", 1, None, "no_history"),
    Feature(
        "minutes_second_last_game",
        _STORE,
        "Minutes of the active game before his latest one, however long ago.",
        1,
        None,
        "too_few_games",
    ),
)

KEPT_BY_BUILDERS = (
    Feature("minutes_avg_season", _CACHE, "Mean minutes, season.", 0, None, "first_game_of_season"),
    Feature("n_games_season", _CACHE, "Number of his active games of the season.", 0, None, "no_history"),
    Feature(
        "minutes_last_7_days",
        _FACTORS,
        "Sum of minutes of his active games with D-7 <= date < D; none: 0.",
        0,
        None,
        "no_history",
    ),
    Feature(
        "team_rest_days",
        _CACHE,
        "D minus the date of his team's previous game of the season, minus 1.",
        0,
        None,
        "first_game_of_season",
    ),
    Feature(
        "opponent_rest_days",
        _CACHE,
        "D minus the date of the opponent's previous game of the season, minus 1.",
        0,
        None,
        "first_game_of_season",
    ),
)
"""Columns that other builders keep in their tables."""

ATTENDANCE = (
    Feature(
        "minutes_per_team_game_last_10",
        _STORE,
        "Sum of minutes of his active games for this team in this season from the date of the earliest of its last 10 "
        "games on / number of those team games; 1 of them is enough.",
        0,
        None,
        "first_game_of_season",
    ),
    Feature(
        "team_games_missed_last_10",
        _STORE,
        "Number of his team's last 10 games minus number of his active games for this team in this season from "
        "the date of the earliest of them on; 1 of them is enough.",
        0,
        10,
        "first_game_of_season",
    ),
    Feature(
        "team_games_missed_in_a_row",
        _STORE,
        "Number of his team's games of this season after his latest active game for it in this season and before D; "
        "NULL without such a game of his.",
        0,
        None,
        "first_game_with_team",
    ),
    Feature(
        "games_with_team_this_season",
        _STORE,
        "Number of his active games for this team in this season; none: 0.",
        0,
        None,
        "no_history",
    ),
    Feature("games_in_last_14_days", _STORE, "Number of his active games with D-14 <= date < D.", 0, 14, "no_history"),
)

OPPONENT = (
    Feature("opponent_win_pct", _STORE, "Wins / games of the opponent this season; needs 5.", 0, 1, "too_few_games"),
    Feature(
        "opponent_points_allowed_last_15",
        _STORE,
        "Mean points scored against the opponent in its last 15 games; needs 3.",
        60,
        170,
        "too_few_games",
    ),
    Feature(
        "opponent_threes_allowed_last_15",
        _STORE,
        "Mean three-pointers attempted against the opponent in its last 15 games; needs 3.",
        10,
        70,
        "too_few_games",
    ),
)

MARKET = (
    Feature(
        "spread",
        _STORE,
        "Closing spread_home of the game for the home team, its negative for the away team (negative: favoured).",
        -60,
        60,
        "no_game_line",
    ),
    Feature("spread_absolute", _STORE, "Absolute value of spread.", 0, 60, "no_game_line"),
    Feature("game_total", _STORE, "Closing total of the game.", 150, 300, "no_game_line"),
    Feature("implied_team_total", _STORE, "game_total / 2 - spread / 2.", 60, 170, "no_game_line"),
    Feature(
        "implied_total_over_last_15",
        _STORE,
        "implied_team_total minus the mean points of his team's last 15 games; 1 of them is enough.",
        -60,
        60,
        "no_game_line_or_team_game",
    ),
    Feature(
        "implied_total_to_season",
        _STORE,
        "implied_team_total / mean points of his team's games of this season.",
        0.5,
        2,
        "no_game_line_or_team_game",
    ),
)


_MATE = "another player whose latest appearance (0 minutes included) before D is of this season and for his team"

_SINCE = "summed over the mate's active games for the team in this season before D, from the date of the team's"
_LATEST = (
    "the latest entry of the injury list about the mate that is known at the cut-off (as in injury_risk) is of the "
)
_WORDS = {
    "mate": _MATE,
    "there": "active for the team on the date of its latest game of this season before D",
    "recent": f"{_SINCE} tenth latest game of this season on (fewer: of its first)",
    "last five": f"{_SINCE} fifth latest game of this season on (fewer: of its first)",
    "usual": "summed over the mate's last 10",
    "sidelined": f"{_LATEST}day of his latest appearance before D or later, and is not available",
    "returned": f"{_LATEST}day of his latest appearance before D or later, and is available",
}
"""What the words in the sentences about team-mates mean."""


def _of_mates(name: str, whose: str, which: str, what: str, divisor: int = 10) -> Feature:
    """The sum of `which` `what` over mates, by words whose meaning is then told."""
    words = [word for word in _WORDS if word in f"mate {whose} {which}"]
    meaning = "; ".join(f"{word}: {_WORDS[word]}" for word in words)
    sentence = (
        f"Sum over mates ({whose}) of {which} {what} / {divisor}; over none 0. {meaning[0].upper()}{meaning[1:]}."
    )
    return Feature(name, _STORE, sentence, 0, None, "no_history")


def _rank(name: str, what: str) -> Feature:
    meaning = "; ".join(f"{word}: {_WORDS[word]}" for word in ("mate", "there"))
    sentence = (
        f"1 + number of mates (there) whose sum of {what} over their last 10 exceeds his own; NULL unless he was there "
        f"and his latest appearance before D is of this season and for his team. {meaning[0].upper()}{meaning[1:]}."
    )
    return Feature(name, _STORE, sentence, 1, None, "was_not_there")


_PLAYS = "plays (FGA + 0.44 FTA + TOV)"

TEAM_MATES = (
    _of_mates("absent_mates_minutes_last_5", "not there", "last five", "minutes", 5),
    _of_mates("absent_mates_minutes_last_10", "not there", "recent", "minutes"),
    _of_mates("absent_mates_points_last_10", "not there", "recent", "points"),
    _of_mates("absent_mates_usual_points", "not there", "usual", "points"),
    _of_mates("present_mates_usual_minutes", "there", "usual", "minutes"),
    _of_mates("present_mates_usual_points", "there", "usual", "points"),
    _of_mates("present_mates_usual_plays", "there", "usual", _PLAYS),
    _rank("minutes_rank_in_team", "minutes"),
    _rank("points_rank_in_team", "points"),
)

LISTED_TEAM_MATES = (
    _of_mates("sidelined_mates_minutes_last_5", "sidelined", "last five", "minutes", 5),
    _of_mates("sidelined_mates_minutes_last_10", "sidelined", "recent", "minutes"),
    _of_mates("sidelined_mates_points_last_10", "sidelined", "recent", "points"),
    _of_mates("newly_sidelined_mates_minutes", "sidelined and there", "recent", "minutes"),
    _of_mates("newly_sidelined_mates_points", "sidelined and there", "recent", "points"),
    _of_mates("returned_mates_minutes_last_10", "returned and not there", "recent", "minutes"),
    _of_mates("returned_mates_usual_minutes", "returned and not there", "usual", "minutes"),
)

BOOKS = (
    Feature(
        "line_decayed_4",
        _STORE,
        "Mean of his points lines of his games of this season before D, each as known at the cut-off of its own game "
        "(as vegas_points_line is at D's), whether he then played or not, decayed over those that have one: the latest "
        "weighs 1 and each earlier one 0.5^(1/4) of the one after it; sum of weight x value / sum of weights.",
        0,
        60,
        "no_earlier_line",
    ),
    Feature(
        "mates_line_move",
        _STORE,
        "Sum over mates of the points line at the cut-off minus the opening one (as in vegas_line_move), of those "
        f"that have both; NULL over none. Mate: {_MATE}.",
        None,
        None,
        "no_line_of_a_mate",
    ),
)
"""What the books' other lines say: a line moves where they hear who stays away, which is news for the whole team."""

REBOUND_FORM = (
    Feature("rebounds_avg_last_5", _STORE, "Mean rebounds, last 5.", 0, None, "no_recent_games"),
    Feature("rebounds_avg_last_10", _STORE, "Mean rebounds, last 10.", 0, None, "no_recent_games"),
    Feature("rebounds_avg_season", _STORE, "Mean rebounds, season.", 0, None, "first_game_of_season"),
    *(_decayed(f"rebounds_decayed_{h}", "rebounds", h) for h in (5, 20)),
)
"""What a model of rebounds is told and held against, as FORM is for points."""

FEATURES = (
    *(*DECAYED_FORM, *RECENT_GAMES, *KEPT_BY_BUILDERS, *ATTENDANCE, *OPPONENT),
    *(*MARKET, *TEAM_MATES, *LISTED_TEAM_MATES, *BOOKS, *REBOUND_FORM),
)

SOURCES = {
    feature.name: source
    for source, group in (("game-lines", MARKET), ("injuries", LISTED_TEAM_MATES), ("points-lines", BOOKS))
    for feature in group
}
"""The features that a source of their own carries: without it they are absent."""
