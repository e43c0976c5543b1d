"""Errors in the data: raw rows and stored rows, written behind tipoff's back or left from other code."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import polars as pl
import sqlalchemy as sa

from benchmarks.leakbench.code_plants import CODE_PLANTS, KNOWN
from benchmarks.leakbench.code_plants_v3 import V3
from benchmarks.leakbench.detectors import GATE, MUTATION, ORACLE, Detection, told
from benchmarks.leakbench.planting import planted
from benchmarks.leakbench.world import STORE, World
from contracts import clock, tables
from contracts.database import writing
from contracts.errors import RefusedError, UsageError
from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from features.builders import windows
from features.builders.compute import compute
from features.feature_sets import load_feature_set
from features.raw.facts import read_raw
from features.table.backfill import backfill
from features.table.builds import current_build
from features.table.versioned_rows import builder_table
from features.verify.comparison import as_mismatches
from features.verify.mutation import find_leaks
from features.verify.verify import compare_stored

CONSTRAINT = "database constraint"
DECLARATION = "feature set's declaration"
BACKFILL = "backfill"
BUILDERS = "builders"

Try = Callable[[World, sa.Engine], list[Detection]]
"""The world and a database in which it is built -> who caught the plant that it made there."""


@dataclass(frozen=True)
class DataPlant:
    """One error in the data; `column` must be named by whatever catches it."""

    name: str
    source: str
    column: str
    try_it: Try


def _row(connection: sa.Connection, table: sa.Table, *where: sa.ColumnElement[bool]) -> dict[str, Any]:
    query = sa.select(table).where(*where).order_by(table.c.game_date, table.c.game_id, table.c.player_id).limit(1)
    return dict(connection.execute(query).mappings().one())


def _played(connection: sa.Connection, **changed: Any) -> dict[str, Any]:
    """A box score of somebody who played, with some values changed."""
    return _row(connection, tables.player_games, tables.player_games.c.points > 10) | changed


def _refused_insert(make: Callable[[World, sa.Connection], tuple[sa.Table, dict[str, Any]]]) -> Try:
    """Inserts the row that `make` returns; the database must refuse it."""

    def try_it(world: World, engine: sa.Engine) -> list[Detection]:
        try:
            with writing(engine) as connection:
                table, row = make(world, connection)
                connection.execute(sa.insert(table).values(row))
        except sa.exc.IntegrityError as error:
            return [Detection(CONSTRAINT, f"{table.name}: {error.orig}")]
        return []

    return try_it


def _updated(column: str, value: Any, *, played: bool = True) -> Try:
    """Changes a cell of the feature table; verify must see it."""

    def try_it(world: World, engine: sa.Engine) -> list[Detection]:
        table = builder_table(STORE, world.feature_set)
        with writing(engine) as connection:
            state = table.c.state == ("played" if played else "absent")
            row = _row(connection, table, state, table.c.n_active_games_season > 5)
            where = (table.c.game_id == row["game_id"], table.c.player_id == row["player_id"])
            connection.execute(
                sa.update(table).where(*where).values({column: value(row) if callable(value) else value})
            )
        return _verified(world, engine, column)

    return try_it


def _verified(world: World, engine: sa.Engine, column: str) -> list[Detection]:
    """What verify says of the column, on all stored rows; the future stays as it is."""
    build = current_build(engine, world.feature_set)
    if build is None:
        raise LookupError("the world's database has no build")
    with engine.connect() as connection:
        raw = read_raw(connection)
        _, cells, _ = compare_stored(connection, world.feature_set, Settings(), build, raw, n_rows=0, seed=0)
    found = as_mismatches(cells.filter(cells["column"] == column))
    return [Detection(ORACLE, told(found))] if found else []


def _future_row(world: World, connection: sa.Connection) -> tuple[sa.Table, dict[str, Any]]:
    table = builder_table(STORE, world.feature_set)
    row = _row(connection, table)
    return table, row | {"player_id": 1, "max_source_date": row["game_date"]}


def _twice_current(world: World, connection: sa.Connection) -> tuple[sa.Table, dict[str, Any]]:
    table = builder_table(STORE, world.feature_set)
    row = _row(connection, table)
    return table, row | {"from_build": row["from_build"] + 1}


def _line_without_time(_world: World, connection: sa.Connection) -> tuple[sa.Table, dict[str, Any]]:
    row = connection.execute(sa.select(tables.points_lines).limit(1)).mappings().one()
    return tables.points_lines, dict(row) | {"book": "invented", "captured_at": None}


def _prediction(_world: World, connection: sa.Connection) -> tuple[sa.Table, dict[str, Any]]:
    row = _played(connection)
    same = {name: row[name] for name in ("game_id", "player_id", "game_date")}
    return tables.predictions, _prediction_values() | same | {"over_probability": 61.0}


def _prediction_values() -> dict[str, Any]:
    """A prediction's other columns, each filled with something that is allowed."""
    filled: dict[str, Any] = {}
    for column in tables.predictions.columns:
        if column.nullable or column.primary_key:
            continue
        if isinstance(column.type, tables.UTCDateTime):
            filled[column.name] = clock.now()
        else:
            filled[column.name] = 20 if isinstance(column.type, sa.Integer | sa.Float) else "x"
    return filled


def _delete_rows(world: World, engine: sa.Engine) -> list[Detection]:
    table = builder_table(STORE, world.feature_set)
    with writing(engine) as connection:
        row = _row(connection, table, table.c.state == "played")
        connection.execute(
            sa.delete(table).where(table.c.game_id == row["game_id"], table.c.player_id == row["player_id"])
        )
    return _verified(world, engine, "(row)")


def _left_from_leaky_code(world: World, engine: sa.Engine) -> list[Detection]:
    """Built with the leak against the gates' advice, then the code is mended and nothing rebuilt."""
    leak = next(plant for plant in CODE_PLANTS if plant.module == "windows" and "mean" in plant.name)
    with planted(windows, leak.old, leak.new):
        backfill(engine, world.feature_set, Settings(), rebuild=True, accept_quality="too good to be asked")
    return _verified(world, engine, "points_avg_last_10")


def _lost_source(world: World, engine: sa.Engine) -> list[Detection]:
    with writing(engine) as connection:
        connection.execute(sa.delete(tables.points_lines))
    return _refused_backfill(world.feature_set, engine, GATE)


def _other_definitions(world: World, engine: sa.Engine) -> list[Detection]:
    first, *others = world.feature_set.features
    features = (replace(first, definition="Mean points, last 5, or so."), *others)
    return _refused_backfill(replace(world.feature_set, features=features), engine, BACKFILL)


def _refused_backfill(feature_set: FeatureSet, engine: sa.Engine, detector: str) -> list[Detection]:
    try:
        backfill(engine, feature_set, Settings(), rebuild=True)
    except RefusedError as refused:
        return [Detection(detector, refused.message)]
    return []


def _without_schedule(world: World, _engine: sa.Engine) -> list[Detection]:
    return _refused_facts(world, games=world.raw.games.filter(pl.col("game_id") != world.rows["game_id"][0]))


def _dated_the_day_before(world: World, _engine: sa.Engine) -> list[Detection]:
    game = pl.col("game_id") == world.rows["game_id"][0]
    earlier = pl.when(game).then(pl.col("game_date") - pl.duration(days=1)).otherwise("game_date")
    return _refused_facts(world, player_games=world.raw.player_games.with_columns(earlier.alias("game_date")))


def _one_team_only(world: World, _engine: sa.Engine) -> list[Detection]:
    home = (pl.col("game_id") == world.rows["game_id"][0]) & pl.col("is_home")
    return _refused_facts(world, player_games=world.raw.player_games.filter(~home))


def _refused_facts(world: World, **frames: pl.DataFrame) -> list[Detection]:
    try:
        compute(replace(world.raw, **frames), world.feature_set, world.settings)  # type: ignore[arg-type]  # frames only
    except RefusedError as refused:
        return [Detection(BUILDERS, refused.message)]
    return []


def _unaccepted_closing_lines(world: World, _engine: sa.Engine) -> list[Detection]:
    """The declaration is refused; and were it not, the mutation test would see the rows notice their own lines."""
    found = []
    with TemporaryDirectory() as folder, patch.dict(os.environ, {"TIPOFF_CONF": folder}):
        file = Path(folder) / "feature_sets" / "v4_1features.yaml"
        file.parent.mkdir()
        file.write_text("{name: v4_1features, accept_closing_game_lines: false, features: [spread]}")
        try:
            load_feature_set("v4_1features")
        except UsageError as refused:
            found.append(Detection(DECLARATION, refused.message.partition(" is not a feature set: ")[2]))
    unaccepting = replace(load_feature_set(V3), accept_closing_game_lines=False)
    leaks = find_leaks(world.raw, unaccepting, world.settings, world.cut_date)
    told_of = [Detection(MUTATION, str(leak)) for leak in leaks if (leak.builder, leak.column) == (STORE, "spread")]
    return [*found, *told_of[:1]]


DATA_PLANTS = (
    DataPlant(
        "a box score of somebody who did not play, without minutes", "14", "minutes",
        _refused_insert(lambda _, c: (tables.player_games, _played(c, player_id=1, minutes=None))),
    ),
    DataPlant(
        "points that are not those of the shots made", "14", "points_add_up",
        _refused_insert(lambda _, c: (tables.player_games, _played(c, player_id=1, points=0))),
    ),
    DataPlant(
        "a box score twice", "16", "player_games.player_id",
        _refused_insert(lambda _, c: (tables.player_games, _played(c))),
    ),
    DataPlant("a points line without its time of capture", "15", "captured_at", _refused_insert(_line_without_time)),
    DataPlant("a probability of 61 instead of 0.61", "16", "over_probability", _refused_insert(_prediction)),
    DataPlant("a feature row that knows its own date", "1", "knows_only_the_past", _refused_insert(_future_row)),
    DataPlant("a feature row twice in the current build", "16", "player_id", _refused_insert(_twice_current)),
    DataPlant(
        "box scores without their schedule row", KNOWN, "schedule", _without_schedule,
    ),
    DataPlant("box scores dated the day before their game", "1", "another date", _dated_the_day_before),
    DataPlant("box scores of one team only", "20", "one team only", _one_team_only),
    DataPlant("stored rows of code that has since been mended", "3", "points_avg_last_10", _left_from_leaky_code),
    DataPlant("a stored feature row deleted", "20", "(row)", _delete_rows),
    DataPlant(
        "a stored feature nudged towards the result", "1", "points_avg_last_10",
        _updated("points_avg_last_10", lambda row: 0.9 * row["points_avg_last_10"] + 0.1 * row["points"]),
    ),
    DataPlant("a stored NULL filled with 0", "12", "vegas_points_line", _updated("vegas_points_line", 0.0)),
    DataPlant("did-not-play stored as 0 points", "14", "points", _updated("points", 0.0, played=False)),
    DataPlant("an absent player stored as having played", "14", "state", _updated("state", "played", played=False)),
    DataPlant("the team of today's roster, not of the game", KNOWN, "team_id", _updated("team_id", 199)),
    DataPlant("a source that had values and lost them", "13", "vegas_points_line", _lost_source),
    DataPlant("closing lines in a set that does not accept them", "15", "spread", _unaccepted_closing_lines),
    DataPlant("another definition under the same name", "11, known errors", "v2_33features", _other_definitions),
)  # fmt: skip
"""All of them, in the order of the page."""
