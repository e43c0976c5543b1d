"""Reading the feature table: the rows of a build, by span or by player-game."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts.database import read_frame
from contracts.errors import UnavailableError, UsageError
from contracts.feature_set import FeatureSet
from features.table.builds import FEATURE_STORE, Build, current_build, get_build, kept_builds
from features.table.units import stale_dates
from features.table.versioned_rows import UNSETTLED, as_of, builder_table, columns_as_of, payload_columns

__all__ = ["Build", "current_build", "get_build", "read_rows", "read_rows_of_builds", "stale_dates"]

GAMES_A_QUERY = 5_000
"""Databases bound the values of one statement (SQLite: 32,766)."""


def read_rows(
    engine: sa.Engine,
    feature_set: FeatureSet,
    *,
    build_id: int | None = None,
    date_from: date | None = None,
    date_to: date | None = None,
    player_games: Sequence[tuple[str, int]] | None = None,
    columns: Sequence[str] | None = None,
) -> pl.DataFrame:
    """The rows of build `build_id` (None: the newest that is done) of the feature table, sorted by date, game, player.

    Dates are inclusive; `player_games` keeps those (game_id, player_id) that have a row; `columns` names what is
    returned, in that order (None: all of contracts.tables.feature_table but the versioning).

    Raises UnavailableError where nothing is built, UsageError where there is no such finished build or no such column.
    """
    build = find_build(engine, feature_set, build_id)
    table = builder_table(FEATURE_STORE, feature_set)
    wanted = wanted_columns(feature_set, columns)
    key = ["game_date", "game_id", "player_id"]
    seen = columns_as_of(table, dict.fromkeys([*wanted, *key]), build.build_id)
    query = sa.select(*seen).where(as_of(table, build.build_id))
    if date_from is not None:
        query = query.where(table.c.game_date >= date_from)
    if date_to is not None:
        query = query.where(table.c.game_date <= date_to)
    with engine.connect() as connection:
        if player_games is None:
            rows = read_frame(connection, query)
        else:
            rows = _read_player_games(connection, table, query, player_games)
    return rows.sort(key).select(wanted)


def read_rows_of_builds(
    engine: sa.Engine, feature_set: FeatureSet, asked: pl.DataFrame, columns: Sequence[str]
) -> pl.DataFrame:
    """What builds said of player-games, of many builds at once: `asked` has game_id, player_id and build_id.

    A row for each of `asked` that its build has: these three, then `columns`. Builds that are pruned, or never got
    done, have none.

    Raises UsageError where there is no such column.
    """
    table = builder_table(FEATURE_STORE, feature_set)
    key = ["game_id", "player_id", "build_id"]
    wanted = [name for name in wanted_columns(feature_set, columns) if name not in key]
    names = dict.fromkeys([*key[:2], *wanted, "from_build", "to_build", "settled_build"])
    query = sa.select(*(table.c[name] for name in names))
    with engine.connect() as connection:
        known = asked.select(key).unique().filter(pl.col("build_id").is_in(kept_builds(connection, feature_set)))
        parts = [
            read_frame(connection, query.where(table.c.game_id.in_(games)))
            for games in _batches(known["game_id"].unique().sort().to_list())
        ]
    build = pl.col("build_id")
    there_then = (pl.col("from_build") <= build) & (pl.col("to_build") > build).fill_null(value=True)
    found = known.join(pl.concat(parts), on=key[:2], maintain_order="left").filter(there_then)
    is_later = (pl.col("settled_build") > build).fill_null(value=False)
    before = [
        pl.when(is_later).then(pl.lit(UNSETTLED[name], found.schema[name])).otherwise(name).alias(name)
        for name in wanted
        if name in UNSETTLED
    ]
    return found.with_columns(before).select(*key, *wanted)


def find_build(engine: sa.Engine, feature_set: FeatureSet, build_id: int | None) -> Build:
    """Build `build_id`, or the newest that is done.

    Raises UnavailableError where nothing is built, UsageError where there is no such finished build.
    """
    if build_id is not None:
        return get_build(engine, feature_set, build_id)
    build = current_build(engine, feature_set)
    if build is None:
        raise UnavailableError(
            f"The feature table of {feature_set.name} is not built.",
            remedy=f"Run `tipoff features backfill --feature-set {feature_set.name}`.",
        )
    return build


def wanted_columns(feature_set: FeatureSet, columns: Sequence[str] | None) -> list[str]:
    """`columns` as they are (None: every column of the feature table but the versioning).

    Raises UsageError naming those that the feature table has not.
    """
    table = builder_table(FEATURE_STORE, feature_set)
    known = payload_columns(table)
    unknown = [name for name in columns or () if name not in known]
    if unknown:
        raise UsageError(f"{table.name} has no column {', '.join(unknown)}; it has {', '.join(known)}.")
    return known if columns is None else list(columns)


def _read_player_games(
    connection: sa.Connection, table: sa.Table, query: sa.Select[Any], player_games: Sequence[tuple[str, int]]
) -> pl.DataFrame:
    """The rows of whole games, then of the asked players in them."""
    key = {"game_id": pl.String, "player_id": pl.Int64}
    asked = pl.DataFrame(list(player_games), schema=key, orient="row").unique()
    parts = [
        read_frame(connection, query.where(table.c.game_id.in_(games)))
        for games in _batches(asked["game_id"].unique().sort().to_list())
    ]
    return pl.concat(parts).join(asked, on=list(key), how="semi")


def _batches(games: list[str]) -> Iterator[list[str]]:
    """At least one batch, so that nothing asked for is an empty frame with its columns."""
    remaining = iter(games)
    yield list(islice(remaining, GAMES_A_QUERY))
    while batch := list(islice(remaining, GAMES_A_QUERY)):
        yield batch
