"""Checked rows of each kind of source into its raw tables."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import sqlalchemy as sa

from contracts import tables
from features.raw.box_scores import write_game_logs
from features.raw.game_schedule import write_game_lines, write_schedule
from features.raw.injury_entries import write_injuries
from features.raw.shots import write_shot_zones
from features.raw.upsert import Written, rows_of, write_changed, write_table, written


def write(connection: sa.Connection, kind: str, rows: pl.DataFrame) -> Written:
    """Fills the raw tables from checked rows of `kind`; which rows stand there now, which of them were news,
    and rejects for those that what is known contradicts.
    """
    return WRITERS[kind](connection, rows)


def _write_points_lines(connection: sa.Connection, rows: pl.DataFrame) -> Written:
    return write_table(connection, tables.points_lines, rows, known_by="game_id")


def _write_players(connection: sa.Connection, rows: pl.DataFrame) -> Written:
    """What the rows know of players; what they do not know stays."""
    known = rows_of(connection, sa.select(tables.players), tables.players.c.player_id, rows["player_id"])
    facts = [name for name in known.columns if name != "player_id"]
    given = rows.select("player_id", *(name for name in facts if name in rows.columns))
    merged = given.join(known, on="player_id", how="left", suffix="_known").select(
        "player_id",
        *(pl.coalesce(name, f"{name}_known") if name in rows.columns else pl.col(name) for name in facts),
    )
    return written(rows, write_changed(connection, tables.players, merged, known))


WRITERS: dict[str, Callable[[sa.Connection, pl.DataFrame], Written]] = {
    "game-logs": write_game_logs,
    "game-lines": write_game_lines,
    "points-lines": _write_points_lines,
    "positions": _write_players,
    "injuries": write_injuries,
    "schedule": write_schedule,
    "shot-zones": write_shot_zones,
    "players": _write_players,
}
