"""What the columns of the five builders' tables mean: units, window, and when a value is NULL.

D is the row's game date. "Last N" are the player's last N active games (minutes > 0) with D-365 <= date < D; "season"
is the same season before D. Features are told by their definitions (docs/features.md) and not here.
"""

from __future__ import annotations

ZONES = {
    "paint": "the paint (zone data)",
    "mid_range": "mid-range (zone data)",
    "three": "three-pointers (zone data)",
    "two_point": "two-pointers (box scores)",
    "box_three": "three-pointers (box scores)",
}
"""Zones as columns name them, and what they are."""

_EVERY_TABLE = {
    "game_id": "the game, ten characters",
    "team_id": "the row's team",
    "player_id": "the player",
    "game_date": "D, the league's date (America/New_York)",
    "row_hash": "of all values: an equal row is not written again",
    "from_build": "the first build the row belongs to",
    "to_build": "the first build it no longer belongs to; NULL: it is current",
    "max_source_date": "latest date of anything the row knows, always before D; NULL: it knows nothing",
}

_TEAM_DEFENSE = {
    "defensive_rating": "points allowed per 100 possessions, last 15 team games of the season; NULL under 3 games",
    "pace": "possessions per 48 minutes, mean of the same games; NULL under 3 games",
    "n_games": "how many of the 15 games there are",
    "league_pace": "mean pace, games of D-30 to D-1 of teams with 10 or more games this season; NULL: no such team",
    "strongest_zone": "the zone in which it allows least against the league; NULL where no zone can be compared",
    "weakest_zone": "the zone in which it allows most against the league; NULL where no zone can be compared",
}

_ZONES_ALLOWED = {
    "pct_allowed": "share of opponents' attempts made, last 15 team games of the season, 0-1",
    "attempts_allowed": "opponents' attempts, a sum over the same games",
    "pct_minus_league": "pct_allowed minus the league's (games of D-30 to D-1), NULL where that is",
}

_SHOT_ZONES = {
    "primary_zone": "zone with 40 % of his last-10 attempts (mid-range: 35 %), else 'balanced' (box scores alone: "
    "'three', else 'two_point'); NULL without attempts",
    "zones": "'shots' (zone data) or 'box' (box scores alone): what primary_zone stands on",
}

_DAILY_CACHE = {
    "minutes_avg_season": "mean minutes, season; NULL without a game",
    "usage_last_3": "share of his team's plays that he used while on the floor, last 3; NULL without a game",
    "usage_last_10": "the same, last 10",
    "n_games_season": "active games of the season before D",
    "n_team_games_last_10": "how many of the team's last 10 games of the season there are",
    "n_team_games_season": "games of his team in the season before D",
    "rest_days": "days without a game since his last of this season, 0 the day after it; NULL: none yet",
    "team_rest_days": "the same of his team; NULL: no game yet",
    "opponent_rest_days": "the same of the opponent; NULL: no game yet",
    "age": "whole years on D; NULL without a birth date",
    "rest_advantage_unclamped": "team_rest_days minus opponent_rest_days, before it is held to -2..2; NULL: one is",
    "listed_status": "his status on the injury list at the cut-off; NULL: not listed",
}

_UNCLAMPED = "the score before it is held to its range; NULL as the score"
_COMPOSITE_FACTORS = {
    "games_last_7_days": "his active games of D-7 to D-1",
    "minutes_last_7_days": "his minutes in them, a sum",
    "back_to_backs_last_14_days": "his pairs of games on consecutive days, D-14 to D-1",
    "n_stars_listed_out": "team-mates with 20 or more points a game this season who are listed out at the cut-off",
    "has_age": "whether age took part in fatigue_score",
    "has_injury_source": "whether injury lists were ever ingested",
}

_FEATURE_STORE = {
    "season": "start year of the season",
    "opponent_id": "the other team",
    "state": "'scheduled'; 'played' (minutes > 0); 'under_30_seconds' (appeared, MIN = 0); 'absent' (did not appear)",
    "is_expected": "whether he stood on the slate before the game, whoever then appeared",
    "n_active_games_season": "active games of the season before D",
    "minutes_avg_last_10_active": "mean minutes, last 10; NULL without a game",
    "line": "the points line at the cut-off; NULL: none known, or no game behind him",
    "minutes": "what happened: minutes, whole, 0 under 30 seconds; NULL where he did not appear",
    "missing": "which features are NULL, and why: reason:name,name;reason:name",
    "window_games": "games used by the windows last_5, last_10, season, team, opponent; JSON",
    "settled_build": "the build that learned what happened: scheduled before it; NULL: played when first built",
}

_OF_TABLE = {
    "team_defense_zone_analysis": _TEAM_DEFENSE,
    "player_shot_zone_analysis": _SHOT_ZONES,
    "player_daily_cache": _DAILY_CACHE,
    "player_composite_factors": _COMPOSITE_FACTORS,
}


def doc_of(table: str, column: str) -> str | None:
    """What `column` of a builder's table means; None for a feature."""
    own = _OF_TABLE.get(table, _FEATURE_STORE)
    if column in own or column in _EVERY_TABLE:
        return own.get(column) or _EVERY_TABLE[column]
    if own is _FEATURE_STORE:
        return None
    if table == "player_composite_factors":
        return _UNCLAMPED if column.endswith("_unclamped") else None
    if column.startswith("n_games_last_"):
        return f"how many of the last {column.rpartition('_')[2]} games there are"
    return _zone_doc(column)


def label_doc(label: str) -> str:
    """What the column of an outcome means."""
    return _FEATURE_STORE.get(label) or f"what happened: {label}; NULL where he did not play"


def _zone_doc(column: str) -> str | None:
    """Of 'mid_range_pct_allowed', 'paint_share_last_10' and their like."""
    zone = next((zone for zone in sorted(ZONES, key=len, reverse=True) if column.startswith(f"{zone}_")), None)
    if zone is None:
        return None
    what = column.removeprefix(f"{zone}_")
    if what in _ZONES_ALLOWED:
        nulls = "NULL under 3 games" + (" or without zone data" if zone in ("paint", "mid_range", "three") else "")
        return f"{ZONES[zone]}: {_ZONES_ALLOWED[what]}; {nulls}"
    kind, _, n = what.partition("_last_")
    if kind == "share":
        return f"share of his attempts from {ZONES[zone]}, last {n}, 0-1; NULL without attempts"
    return f"share of his attempts made from {ZONES[zone]}, last {n}, 0-1; NULL without attempts"
