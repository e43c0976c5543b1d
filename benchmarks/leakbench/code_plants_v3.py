"""Leaks and errors in the code that only the v3 sets run: each is one changed line."""

from __future__ import annotations

from benchmarks.leakbench.code_plants import CodePlant

V3 = "v3_78features"

CODE_PLANTS_V3 = (
    CodePlant(
        "the game itself is inside every decayed mean: the shift is lost", "1, 2", "windows",
        "place = pl.Series(self._end - 1)", "place = pl.Series(np.minimum(self._end, len(means) - 1))",
        "points_decayed_5", is_leak=True, feature_set=V3,
    ),
    CodePlant(
        "form is that of the end of his career, later seasons included", "1", "windows",
        "ewm_mean(half_life=half_life, adjust=True).over(self._key)",
        "ewm_mean(half_life=half_life, adjust=True).last().over(self._key)",
        "points_decayed_20", is_leak=True, feature_set=V3,
    ),
    CodePlant(
        "a season's mean is that of the whole season", "1", "player_daily_cache",
        "season.mean(\"minutes\").alias(\"minutes_avg_season\")",
        "type(season)(season._past, season._first, season._past._place((season._past._row_keys + 1) * (1 << 22)))"
        ".mean(\"minutes\").alias(\"minutes_avg_season\")",
        "minutes_avg_season", is_leak=True, feature_set=V3,
    ),
    CodePlant(
        "the opponent's latest games include the date's own", "1", "opponent",
        "rows.select(\"game_date\",", "rows.select(pl.col(\"game_date\") + pl.duration(days=1),",
        "opponent_points_allowed_last_15", is_leak=True, feature_set=V3,
    ),
    CodePlant(
        "who is away is read from the game itself", "28", "team_mates",
        "(of_team.since(team.latest(\"game_date\")).n_games > 0).alias(\"was_there\")",
        "mates.join("
        "raw.player_games.filter(pl.col(\"minutes\") > 0).select(\"game_id\", \"player_id\", x=pl.lit(True)), "
        "on=[\"game_id\", \"player_id\"], how=\"left\", maintain_order=\"left\")[\"x\"].fill_null(value=False)"
        ".alias(\"was_there\")",
        "absent_mates_minutes_last_10", is_leak=True, feature_set=V3,
    ),
    CodePlant(
        "team-mates are sidelined by entries of the game's own day", "30", "injury_list",
        ".rename({\"reported_on\": \"game_date\"})",
        ".with_columns((pl.col(\"reported_on\") - pl.duration(days=1)).alias(\"game_date\"))",
        "sidelined_mates_minutes_last_10", is_leak=True, feature_set=V3,
    ),
    CodePlant(
        "the total is that of the points scored", "1", "market",
        "pl.col(\"total\").alias(\"game_total\")",
        "rows.select(\"game_id\").join("
        "results.team_games.group_by(\"game_id\").agg(pl.col(\"points\").sum().cast(pl.Float64)), "
        "on=\"game_id\", how=\"left\", maintain_order=\"left\")[\"points\"].alias(\"game_total\")",
        "game_total", is_leak=True, feature_set=V3,
    ),
    CodePlant(
        "the away team is favoured where the home team is", "11", "market",
        ".otherwise(-pl.col(\"spread_home\"))", ".otherwise(pl.col(\"spread_home\"))", "spread", feature_set=V3,
    ),
    CodePlant(
        "the favourite is expected to score less", "11", "market",
        "pl.col(\"game_total\") / 2 - pl.col(\"spread\") / 2", "pl.col(\"game_total\") / 2 + pl.col(\"spread\") / 2",
        "implied_team_total", feature_set=V3,
    ),
    CodePlant(
        "ranks by minutes and by points stand in each other's place", "11", "team_mates",
        "{\"minutes_rank_in_team\": \"usual_minutes\", \"points_rank_in_team\": \"usual_points\"}",
        "{\"points_rank_in_team\": \"usual_minutes\", \"minutes_rank_in_team\": \"usual_points\"}",
        "minutes_rank_in_team", feature_set=V3,
    ),
    CodePlant(
        "a player is one of his own team-mates", "28", "team_mates",
        "facts[\"total\"].fill_null(0) - facts[column].fill_null(0)", "facts[\"total\"].fill_null(0)",
        "present_mates_usual_points", feature_set=V3,
    ),
    CodePlant(
        "who is back from his injury stays on the list", "30", "team_mates",
        "(entry[\"reported_on\"] >= mates[\"latest_date\"]).fill_null(value=False)",
        "entry[\"reported_on\"].is_not_null()",
        "sidelined_mates_minutes_last_10", feature_set=V3,
    ),
    CodePlant(
        "team-mates' lines are those that stood at tip-off", "15", "books",
        "raw.games, priced, line_cutoff_minutes)", "raw.games, priced, 0)",
        "mates_line_move", is_leak=True, feature_set=V3,
    ),
    CodePlant(
        "tonight's line is one of the earlier ones", "11", "books",
        "Past(lines, rows,", "Past(lines, rows.with_columns(pl.col(\"game_date\") + pl.duration(days=1)),",
        "line_decayed_4", feature_set=V3,
    ),
    CodePlant(
        "a team-mate's line that nobody gave has not moved", "12", "books",
        ".set(n_moved == 0, None)", ".set(n_moved < 0, None)", "mates_line_move", feature_set=V3,
    ),
    CodePlant(
        "the half-life is taken for the mean age", "11", "windows",
        "ewm_mean(half_life=half_life", "ewm_mean(com=half_life", "minutes_decayed_20", feature_set=V3,
    ),
    CodePlant(
        "games for his former team count as games with this one", "11", "attendance",
        "[\"player_id\", \"team_id\", \"season\"]", "[\"player_id\", \"season\"]",
        "games_with_team_this_season", feature_set=V3,
    ),
    CodePlant(
        "the game that he played counts as missed", "14", "attendance",
        "team.since(of_team.latest(\"game_date\")).n_games - 1", "team.since(of_team.latest(\"game_date\")).n_games",
        "team_games_missed_in_a_row", feature_set=V3,
    ),
)  # fmt: skip
"""All of them, in the order of the page."""
