"""Leaks and errors in the builders' code: each is one changed line."""

from __future__ import annotations

from dataclasses import dataclass

KNOWN = "known errors"
"""Errors of the system that v2_33features comes from; numbers are those of the list of failures."""


@dataclass(frozen=True)
class CodePlant:
    """One changed place of the builders' code.

    `name` says what is wrong; `source` where it happened; `old` becomes `new` in features.builders.`module`; `column`
    must be named by whatever catches it. `is_leak`: rows come to know what they must not, so that
    the mutation test is run too; any other error looks the same in every future. `feature_set` is the one whose rows
    are made with it.
    """

    name: str
    source: str
    module: str
    old: str
    new: str
    column: str
    is_leak: bool = False
    feature_set: str = "v2_33features"


CODE_PLANTS = (
    CodePlant(
        "the target game is inside every window (`<=`)", "1, known errors", "windows",
        "codes.to_numpy(), side=\"left\")", "codes.to_numpy(), side=\"right\")",
        "max_source_date", is_leak=True,
    ),
    CodePlant(
        "the target game is inside every mean, and the source date does not show it", "1, 2", "windows",
        "return self._past._running_sums(columns).select(self._total(column) / n_games for column in columns)",
        "end = np.minimum(self._end + 1, self._past._events.height)\n"
        "        sums = type(self)(self._past, self._first, end).sums(columns)\n"
        "        return sums.select((pl.all() / pl.Series(end - self._first)).fill_nan(None))",
        "points_avg_last_5", is_leak=True,
    ),
    CodePlant(
        "a season's first game has its own points as season average", "1, 12", "ml_feature_store",
        "    features = every.select(feature_set.names)\n",
        "    own = pl.col(\"points_avg_season\").fill_null(_labels(rows, raw)[\"points\"])\n"
        "    features = every.with_columns(own).select(feature_set.names)\n",
        "points_avg_season", is_leak=True,
    ),
    CodePlant(
        "points lines captured after tip-off count", "15, known errors", "cutoff",
        "return tip_off_at - pl.duration", "return tip_off_at + pl.duration", "vegas_points_line", is_leak=True,
    ),
    CodePlant(
        "points lines without a tip-off time count", "15", "points_lines",
        "in_time.fill_null(value=False)", "in_time.fill_null(value=True)", "vegas_points_line", is_leak=True,
    ),
    CodePlant(
        "injury entries stamped with a day count on that day", "30", "injury_list",
        ".rename({\"reported_on\": \"game_date\"})",
        ".with_columns((pl.col(\"reported_on\") - pl.duration(days=1)).alias(\"game_date\"))", "injury_risk",
        is_leak=True,
    ),
    CodePlant(
        "injury entries captured during the day count for its games without tip-off", "30", "cutoff",
        "return midnight.dt.convert_time_zone(\"UTC\") - pl.duration(microseconds=1)",
        "return midnight.dt.convert_time_zone(\"UTC\") + pl.duration(days=1)", "injury_risk",
        is_leak=True,
    ),
    CodePlant(
        "who appeared is expected: the slate knows the box score", "28", "slate",
        "pl.col(\"is_expected\").fill_null(value=False)", "pl.lit(value=True).alias(\"is_expected\")", "is_expected",
        is_leak=True,
    ),
    CodePlant(
        "only who appeared has a row: the expected and absent are left out", "28", "slate",
        "expected.join(appeared, on=key, how=\"anti\")",
        "expected.join(appeared, on=key, how=\"anti\").head(0)", "(row)", is_leak=True,
    ),
    CodePlant(
        "did-not-play counts as 0 points", "14, known errors", "results",
        "lines.filter(pl.col(\"minutes\") > 0)", "lines.filter(pl.col(\"minutes\") >= 0)", "points_avg_last_10",
    ),
    CodePlant(
        "a missing value is 0", "12", "ml_feature_store",
        "every.select(feature_set.names)\n", "every.select(feature_set.names).fill_null(0.0)\n", "points_avg_last_5",
    ),
    CodePlant(
        "team_win_pct is 0.5 everywhere", "13, known errors", "team_form",
        "whole.mean(\"won\")", "whole.mean(\"won\") * 0 + 0.5", "team_win_pct",
    ),
    CodePlant(
        "pace_score is 0 in all backfilled rows", "13, known errors", "player_composite_factors",
        "opponent[\"league_pace\"]) / 2", "opponent[\"league_pace\"]) * 0", "pace_score",
    ),
    CodePlant(
        "usage_spike_score is 0 in all backfilled rows", "13, known errors", "player_composite_factors",
        "0.3 * 100 * (cache", "0.0 * (cache", "usage_spike_score",
    ),
    CodePlant(
        "home_away is 0 where a context row is missing", KNOWN, "ml_feature_store",
        "rows[\"is_home\"].cast(pl.Float64)",
        "(rows[\"is_home\"] & rows[\"tip_off_at\"].is_not_null()).cast(pl.Float64)",
        "home_away",
    ),
    CodePlant(
        "back_to_back is 0 everywhere", KNOWN, "team_form",
        "yesterday.n_games.clip(0, 1)", "yesterday.n_games.clip(0, 0)", "back_to_back",
    ),
    CodePlant(
        "minutes_avg_last_10 is a window of 30 days", KNOWN, "player_daily_cache",
        "last_10.mean(\"minutes\").alias", "career.days(30).mean(\"minutes\").alias", "minutes_avg_last_10",
    ),
    CodePlant(
        "ppm_avg_last_10 is a window of 30 days", KNOWN, "player_daily_cache",
        "ratio(last_10.sum(\"points\"), last_10.sum(\"minutes\"))",
        "ratio(career.days(30).sum(\"points\"), career.days(30).sum(\"minutes\"))", "ppm_avg_last_10",
    ),
    CodePlant(
        "recent_trend has its sign turned round", KNOWN, "player_daily_cache",
        "_steps(latest - before, TREND_STEPS)", "_steps(before - latest, TREND_STEPS)", "recent_trend",
    ),
    CodePlant(
        "a high fatigue_score means tired", KNOWN, "player_composite_factors",
        "        100.0\n        + pl.when(\"yesterday\").then(-15)",
        "        0.0\n        + pl.when(\"yesterday\").then(15)",
        "fatigue_score",
    ),
    CodePlant(
        "pct_three is a percentage, not a share", "16", "player_shot_zone_analysis",
        "pl.col(\"box_three_share_last_10\").alias", "(100 * pl.col(\"box_three_share_last_10\")).alias", "pct_three",
    ),
    CodePlant(
        "two features stand in each other's place", "11", "ml_feature_store",
        "every.select(feature_set.names)\n",
        "every.rename({\"points_avg_last_5\": \"points_avg_last_10\", \"points_avg_last_10\": \"points_avg_last_5\"})"
        ".select(feature_set.names)\n",
        "points_avg_last_10",
    ),
    CodePlant(
        "the season average runs over all seasons", KNOWN, "player_daily_cache",
        "season = Past(results.active_games, rows, [\"player_id\", \"season\"])",
        "season = Past(results.active_games, rows, [\"player_id\"])", "points_avg_season",
    ),
    CodePlant(
        "last 10 reaches back more than 365 days", KNOWN, "player_daily_cache",
        "WITHIN_DAYS = 365", "WITHIN_DAYS = 3650", "points_avg_last_10",
    ),
    CodePlant(
        "the opponent's defence is his own team's", KNOWN, "ml_feature_store",
        "pl.col(\"opponent_id\").alias(\"team_id\")", "rows[\"team_id\"].alias(\"team_id\")", "opponent_def_rating",
    ),
    CodePlant(
        "the opening line is each book's latest", "15, known errors", "points_lines",
        "pl.col(\"captured_at\").min()", "pl.col(\"captured_at\").max()", "vegas_opening_line", is_leak=True,
    ),
    CodePlant(
        "has_vegas_line is 1 without a line", "15, known errors", "ml_feature_store",
        "point.is_not_null().cast(pl.Float64)", "has_history.cast(pl.Float64)", "has_vegas_line",
    ),
    CodePlant(
        "avg_points_vs_opponent is against everybody", KNOWN, "ml_feature_store",
        "past = Past(results.active_games, rows, [\"player_id\", \"opponent_id\"])",
        "past = Past(results.active_games, rows, [\"player_id\"])", "avg_points_vs_opponent",
    ),
    CodePlant(
        "the standard deviation divides by n", KNOWN, "windows",
        "n * (n - 1)).sqrt()", "n * n).sqrt()", "points_std_last_10",
    ),
    CodePlant(
        "a share without attempts is NaN", "12", "player_shot_zone_analysis",
        "keep_where(window.n_games >= FREE_THROW_MIN_GAMES, share)",
        "keep_where(window.n_games >= FREE_THROW_MIN_GAMES, share * float(\"nan\"))", "pct_free_throw",
    ),
)  # fmt: skip
"""All of them, in the order of the page."""
