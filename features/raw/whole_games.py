"""A game goes in whole: with one of its rows refused its totals would be short, and short totals look like facts."""

from __future__ import annotations

import polars as pl

from features.raw.checks import Check, rejects_of

SUMMED_KINDS = ("game-logs", "shot-zones")
"""Kinds whose rows are added up to what a team did or allowed."""


def rest_of_games(rows: pl.DataFrame, faults: pl.DataFrame) -> pl.DataFrame:
    """Rejects (columns as checks.REJECTS) for the rows without a fault whose game has a row with one.

    A faulty row whose game id cannot be read belongs to the game of its team and date, where it names those.
    """
    if faults.is_empty():
        return faults
    faulty = rows.join(faults, on=["source", "row"], how="semi")
    sound = rows.join(faults, on=["source", "row"], how="anti")
    games = pl.concat([faulty.select("game_id"), _games_of_nameless(rows, faulty)]).drop_nulls().unique()
    rest = sound.join(games, on="game_id", how="semi")
    return rejects_of(rest, [_of_a_game_with_faults()])


def _games_of_nameless(rows: pl.DataFrame, faulty: pl.DataFrame) -> pl.DataFrame:
    if "team_id" not in rows.columns:
        return faulty.select("game_id").clear()
    place = ["team_id", "game_date"]
    nameless = faulty.filter(pl.col("game_id").is_null()).select(place).drop_nulls()
    return rows.join(nameless, on=place, how="semi").select("game_id")


def _of_a_game_with_faults() -> Check:
    return Check(
        "of a game with faulty rows",
        pl.lit(value=True),
        pl.format("game {} has faulty rows and is taken whole or not at all", "game_id"),
    )
