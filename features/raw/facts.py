"""The raw facts as frames: everything that the builders read."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import sqlalchemy as sa

from contracts import tables
from contracts.database import read_frame


@dataclass(frozen=True)
class RawFacts:
    """The raw tables, each a frame with the columns of its table in contracts.tables.

    `ingested` names the kinds of source that were ever ingested ('game-logs', 'points-lines', 'injuries',
    'shot-zones', 'players', ...): a column whose source is not among them is absent, not merely unknown.
    """

    games: pl.DataFrame
    player_games: pl.DataFrame
    shot_zones: pl.DataFrame
    points_lines: pl.DataFrame
    injuries: pl.DataFrame
    players: pl.DataFrame
    teams: pl.DataFrame
    game_lines: pl.DataFrame
    ingested: frozenset[str]


def read_raw(connection: sa.Connection) -> RawFacts:
    """Everything in the raw tables, as of the connection's transaction."""

    def read(table: sa.Table) -> pl.DataFrame:
        return read_frame(connection, sa.select(table))

    kept = sa.select(tables.ingests.c.kind).where(tables.ingests.c.n_rows > 0).distinct()
    return RawFacts(
        games=read(tables.games),
        player_games=read(tables.player_games),
        shot_zones=read(tables.shot_zones),
        points_lines=read(tables.points_lines),
        injuries=read(tables.injuries),
        players=read(tables.players),
        teams=read(tables.teams),
        game_lines=read(tables.game_lines),
        ingested=frozenset(connection.execute(kept).scalars()),
    )
