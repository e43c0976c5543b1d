"""What the books' other lines say: his own of earlier games, and how far those of his team-mates have moved tonight."""

from __future__ import annotations

import polars as pl

from features.builders.points_lines import lines_at_cut_off
from features.builders.team_mates import sum_over_mates
from features.builders.windows import Past
from features.raw.facts import RawFacts

HALF_LIFE = 4
"""Games after which a line of his weighs half."""


def list_lines(raw: RawFacts, line_cutoff_minutes: int) -> pl.DataFrame:
    """One row a player in `raw` and game for which a points line was known at the cut-off of that game.

    Columns: game_id, player_id, game_date, season, line, and move, the line less the opening one (NULL: none known).
    Sorted by game_date, game_id and player_id.
    """
    priced = (
        raw.points_lines.select("game_id", "player_id")
        .unique()
        .join(raw.games.select("game_id", "game_date", "season"), on="game_id", how="inner")
    )
    known = lines_at_cut_off(raw.points_lines, raw.games, priced, line_cutoff_minutes)
    return (
        priced.with_columns(
            known["vegas_points_line"].alias("line"),
            (known["vegas_points_line"] - known["vegas_opening_line"]).alias("move"),
        )
        .drop_nulls("line")
        .sort("game_date", "game_id", "player_id")
    )


def told_by_books(rows: pl.DataFrame, lines: pl.DataFrame, mates: pl.DataFrame) -> list[pl.Series]:
    """The features of this theme, by name, for each of `rows`.

    `lines` is what `list_lines` lists and `mates` what `team_mates.list_team_mates` does, both over all players.
    """
    earlier = Past(lines, rows, ["player_id", "season"])
    moved = mates.select("game_id", "team_id", "player_id").join(
        lines.drop_nulls("move").select("game_id", "player_id", "move", pl.lit(1).alias("n")),
        on=["game_id", "player_id"],
        how="inner",
    )
    n_moved = sum_over_mates(rows, moved, "n")
    return [
        earlier.decayed_mean("line", HALF_LIFE).alias(f"line_decayed_{HALF_LIFE}"),
        sum_over_mates(rows, moved, "move").set(n_moved == 0, None).alias("mates_line_move"),
    ]
