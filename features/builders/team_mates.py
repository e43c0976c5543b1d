"""What a player's team-mates leave to him: who was away from the team's previous game, and who is sidelined.

Everything is counted in whole minutes, points and hundredths of plays of games before the date, so that sums over
team-mates have the same bits in any order. Who appears in the game itself is never looked at.
"""

from __future__ import annotations

import polars as pl

from features.builders.injury_list import latest_entry
from features.builders.results import gather_results
from features.builders.windows import Past, pairs_with_latest
from features.raw.facts import RawFacts

TEAM_GAMES = 10
USUAL_GAMES = 10
WITHIN_DAYS = 365

_TEAM = ("game_id", "team_id")

_WAS_THERE = pl.col("was_there")
_IS_SIDELINED = pl.col("is_sidelined")
_SUMS = {
    "absent_mates_minutes_last_5": (~_WAS_THERE, "minutes_last_5", 5),
    "absent_mates_minutes_last_10": (~_WAS_THERE, "minutes_last_10", 10),
    "absent_mates_points_last_10": (~_WAS_THERE, "points_last_10", 10),
    "absent_mates_usual_points": (~_WAS_THERE, "usual_points", 10),
    "present_mates_usual_minutes": (_WAS_THERE, "usual_minutes", 10),
    "present_mates_usual_points": (_WAS_THERE, "usual_points", 10),
    "present_mates_usual_plays": (_WAS_THERE, "usual_plays", 1000),
}
"""Feature -> whose counts are summed over his team-mates, which, and what the sum is divided by."""

_SUMS_OF_LISTED = {
    "sidelined_mates_minutes_last_5": (_IS_SIDELINED, "minutes_last_5", 5),
    "sidelined_mates_minutes_last_10": (_IS_SIDELINED, "minutes_last_10", 10),
    "sidelined_mates_points_last_10": (_IS_SIDELINED, "points_last_10", 10),
    "newly_sidelined_mates_minutes": (_IS_SIDELINED & _WAS_THERE, "minutes_last_10", 10),
    "newly_sidelined_mates_points": (_IS_SIDELINED & _WAS_THERE, "points_last_10", 10),
    "returned_mates_minutes_last_10": (pl.col("has_returned") & ~_WAS_THERE, "minutes_last_10", 10),
    "returned_mates_usual_minutes": (pl.col("has_returned") & ~_WAS_THERE, "usual_minutes", 10),
}
"""The same of those whom the injury list names."""

_RANKS = {"minutes_rank_in_team": "usual_minutes", "points_rank_in_team": "usual_points"}
"""Feature -> by which count a player is ranked among those of his team who were there."""


def list_team_mates(
    raw: RawFacts, schedule: pl.DataFrame, team_games: pl.DataFrame, line_cutoff_minutes: int
) -> pl.DataFrame:
    """The players in `raw` (whole ones) who belong to a team of `schedule` before its game, one row a player and game.

    He belongs to the team of his latest appearance, where that is of the same season. Columns: game_id, team_id,
    player_id; minutes_last_5, minutes_last_10, points_last_10: sums of his active games for the team since the date
    of its fifth or tenth latest game of the season (the first, where there are fewer); usual_minutes, usual_points,
    usual_plays (hundredths): sums of his last 10 active games; was_there: active on the date of the team's previous
    game; is_sidelined and has_returned: the latest entry of the injury list known at the cut-off is of the day of his
    latest appearance or later, and does not, or does, say available. Sorted by game, team and player.
    """
    results = gather_results(raw, team_games)
    mates = pairs_with_latest(results.appearances, schedule, subject="player_id", key=["team_id", "season"])
    team = Past(team_games, mates, ["team_id", "season"])
    of_team = Past(results.active_games, mates, ["player_id", "team_id", "season"])
    last_5, last_10 = (of_team.since(team.last(n).earliest("game_date")) for n in (5, TEAM_GAMES))
    usual = Past(results.active_games, mates, ["player_id"]).last(USUAL_GAMES, within_days=WITHIN_DAYS)
    entry = latest_entry(raw.injuries, mates, line_cutoff_minutes)
    is_news = (entry["reported_on"] >= mates["latest_date"]).fill_null(value=False)
    is_available = (entry["status"] == "available").fill_null(value=False)
    return (
        mates.select(*_TEAM, "player_id")
        .with_columns(
            last_5.sum("minutes").alias("minutes_last_5"),
            last_10.sum("minutes").alias("minutes_last_10"),
            last_10.sum("points").alias("points_last_10"),
            usual.sum("minutes").alias("usual_minutes"),
            usual.sum("points").alias("usual_points"),
            usual.sum("attempts_x100").alias("usual_plays"),
            (of_team.since(team.latest("game_date")).n_games > 0).alias("was_there"),
            (is_news & ~is_available).alias("is_sidelined"),
            (is_news & is_available).alias("has_returned"),
        )
        .sort(*_TEAM, "player_id")
    )


def left_by_team_mates(rows: pl.DataFrame, mates: pl.DataFrame, *, has_injuries: bool) -> list[pl.Series]:
    """The features of this theme, by name, for each of `rows`.

    `mates` is what `list_team_mates` lists over all players. A sum leaves the player himself out; a rank is NULL
    where he was not there. Those of the injury list are NULL without that source.
    """
    features = []
    for name, (chosen, count, divisor) in (_SUMS | _SUMS_OF_LISTED).items():
        total = (sum_over_mates(rows, mates.filter(chosen), count) / divisor).alias(name)
        features.append(total if has_injuries or name in _SUMS else total.clear(len(total)))
    there = mates.filter(_WAS_THERE).select(
        *_TEAM,
        "player_id",
        *(pl.col(count).rank("min", descending=True).over(_TEAM).alias(name) for name, count in _RANKS.items()),
    )
    ranks = rows.select(*_TEAM, "player_id").join(there, on=[*_TEAM, "player_id"], how="left", maintain_order="left")
    return [*features, *(ranks[name].cast(pl.Float64) for name in _RANKS)]


def sum_over_mates(rows: pl.DataFrame, counted: pl.DataFrame, column: str) -> pl.Series:
    """For each of `rows` the sum of `column` over his team-mates in `counted`, the player himself left out; none: 0.

    `counted` has game_id, team_id, player_id and `column`, one row a player and game.
    """
    # fractions are summed in the order of their size, so that they have the same bits however they come
    in_order = pl.col(column) if counted[column].dtype.is_integer() else pl.col(column).sort()
    totals = counted.group_by(_TEAM).agg(in_order.sum().alias("total"))
    facts = (
        rows.select(*_TEAM, "player_id")
        .join(totals, on=_TEAM, how="left", maintain_order="left")
        .join(counted.select(*_TEAM, "player_id", column), on=[*_TEAM, "player_id"], how="left", maintain_order="left")
    )
    return facts["total"].fill_null(0) - facts[column].fill_null(0)
