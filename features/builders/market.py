"""What the closing lines of the game say: who is favoured, how many points are expected, and of which team."""

from __future__ import annotations

import polars as pl

from features.builders.results import Results
from features.builders.windows import Past

WINDOW = 15


def market(rows: pl.DataFrame, game_lines: pl.DataFrame, results: Results) -> list[pl.Series]:
    """The features of this theme, by name; NULL where the game's spread or total is not known.

    `game_lines` are the closing ones: only a feature set that accepts them may name these features.
    """
    lines = rows.select("game_id", "is_home").join(game_lines, on="game_id", how="left", maintain_order="left")
    handicap = pl.when("is_home").then("spread_home").otherwise(-pl.col("spread_home"))
    team = Past(results.team_games, rows, ["team_id", "season"])
    facts = lines.select(
        handicap.alias("spread"),
        pl.col("total").alias("game_total"),
        team.last(WINDOW).mean("points").alias("usual_last_15"),
        team.whole().mean("points").alias("usual_season"),
    ).with_columns((pl.col("game_total") / 2 - pl.col("spread") / 2).alias("implied_team_total"))
    return facts.select(
        "spread",
        pl.col("spread").abs().alias("spread_absolute"),
        "game_total",
        "implied_team_total",
        (pl.col("implied_team_total") - pl.col("usual_last_15")).alias("implied_total_over_last_15"),
        (pl.col("implied_team_total") / pl.col("usual_season")).alias("implied_total_to_season"),
    ).get_columns()
