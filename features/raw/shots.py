"""Shot zones into the raw table: they must be the shots that the box scores count."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa

from contracts import tables
from features.raw.checks import Check, rejects_of, without
from features.raw.upsert import Written, rows_of, write_table

ZONES = ("paint", "mid_range", "three")
BOX = ("game_id", "player_id", "fga", "fgm")


def write_shot_zones(connection: sa.Connection, rows: pl.DataFrame) -> Written:
    """Fills shot_zones. Rejects every row of a game whose box scores count other shots than its zones do.

    A game is judged as it would stand, rows known and rows given; one without box scores is taken as it is.
    """
    box = rows_of(
        connection, sa.select(*(tables.player_games.c[name] for name in BOX)), tables.player_games.c.game_id,
        rows["game_id"],
    )  # fmt: skip
    known = rows_of(connection, sa.select(tables.shot_zones), tables.shot_zones.c.game_id, rows["game_id"])
    names = known.columns
    others = known.join(rows, on=["game_id", "player_id"], how="anti")
    standing = pl.concat([rows.select(names), others], how="vertical_relaxed")
    rejects = rejects_of(rows.join(_judge(standing, box), on="game_id", how="left"), [_other_shots()])
    written = write_table(connection, tables.shot_zones, without(rows, rejects), known_by="game_id")
    return Written(written.rows, written.changed, rejects)


def _judge(standing: pl.DataFrame, box: pl.DataFrame) -> pl.DataFrame:
    """One row a game with box scores: how many of its players have other shots there, and one of them."""
    counts = standing.select(
        "game_id",
        "player_id",
        pl.sum_horizontal(f"{zone}_attempts" for zone in ZONES).alias("zones fga"),
        pl.sum_horizontal(f"{zone}_made" for zone in ZONES).alias("zones fgm"),
    )
    both = counts.join(box, on=["game_id", "player_id"], how="full", coalesce=True)
    both = both.join(box.select("game_id").unique(), on="game_id", how="semi").fill_null(0)
    others = (pl.col("zones fga") != pl.col("fga")) | (pl.col("zones fgm") != pl.col("fgm"))
    return (
        both.filter(others)
        .sort("player_id")
        .group_by("game_id")
        .agg(
            pl.len().alias("n_others"),
            pl.format(
                "player {}: {} of {} in the zones, {} of {} in the box score",
                pl.col("player_id").first(),
                *(pl.col(name).first() for name in ("zones fgm", "zones fga", "fgm", "fga")),
            ).alias("first_other"),
        )
    )


def _other_shots() -> Check:
    return Check(
        "shots are not the box score's",
        pl.col("n_others").is_not_null(),
        pl.format("game {}: {} players with other shots, first {}", "game_id", "n_others", "first_other"),
    )
