"""What the current build says: sampled games whole, and whether its rows are as they were written."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa

from contracts.database import read_frame
from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from features.builders.compute import BUILDERS
from features.raw.facts import RawFacts
from features.table.builds import FEATURE_STORE, Build
from features.table.units import standing
from features.table.versioned_rows import as_of, builder_table, hashed, payload_columns

GAMES_A_QUERY = 5_000
"""Databases bound the values of one statement."""


def sample_games(connection: sa.Connection, feature_set: FeatureSet, build: Build, n_rows: int, seed: int) -> list[str]:
    """Games of `build` with about `n_rows` rows in all (0: every game), the same for the same seed, in order."""
    table = builder_table(FEATURE_STORE, feature_set)
    games = read_frame(connection, sa.select(table.c.game_id).where(as_of(table, build.build_id)))
    counts = games.group_by("game_id").len("n").sort("game_id")
    if n_rows:
        counts = counts.sample(fraction=1, shuffle=True, seed=seed)
        counts = counts.filter(pl.col("n").cum_sum() - pl.col("n") < n_rows)
    return sorted(counts["game_id"].to_list())


def read_games(
    connection: sa.Connection, builder: str, feature_set: FeatureSet, build: Build, games: list[str]
) -> pl.DataFrame:
    """A builder's rows of `games` in `build`: the payload columns of its table and row_hash."""
    table = builder_table(builder, feature_set)
    query = sa.select(*(table.c[name] for name in (*payload_columns(table), "row_hash")))
    query = query.where(as_of(table, build.build_id))
    parts = [games[start : start + GAMES_A_QUERY] for start in range(0, max(len(games), 1), GAMES_A_QUERY)]
    return pl.concat(read_frame(connection, query.where(table.c.game_id.in_(part))) for part in parts)


def find_altered(connection: sa.Connection, feature_set: FeatureSet, build: Build, games: list[str]) -> pl.DataFrame:
    """Rows of any builder in `games` that are not what was written: their values no longer have their hash.

    The columns of features.verify.comparison.Mismatch; `player_id` is the team's id in a table of teams.
    """
    return pl.concat(_altered(connection, builder, feature_set, build, games) for builder in BUILDERS)


def count_stale(connection: sa.Connection, raw: RawFacts, feature_set: FeatureSet, settings: Settings) -> int:
    """How many dates are stale: other inputs, code or definitions made their rows than there are now."""
    found = standing(connection, raw, feature_set, settings)
    return len({day for _, day in found.stale} | found.vanished | found.unfinished)


def _altered(
    connection: sa.Connection, builder: str, feature_set: FeatureSet, build: Build, games: list[str]
) -> pl.DataFrame:
    rows = read_games(connection, builder, feature_set, build, games)
    again = hashed(builder_table(builder, feature_set), rows.drop("row_hash"))
    subject = "player_id" if "player_id" in rows.columns else "team_id"
    return (
        rows.with_columns(again["row_hash"].alias("again"))
        .filter(pl.col("row_hash") != pl.col("again"))
        .select(
            pl.lit(f"{builder}.row_hash").alias("column"),
            "game_id",
            pl.col(subject).alias("player_id"),
            "game_date",
            pl.col("row_hash").cast(pl.String).alias("stored"),
            pl.col("again").cast(pl.String).alias("recomputed"),
        )
    )
