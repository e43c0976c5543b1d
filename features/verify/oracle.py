"""The oracle: rows computed a second time from the raw tables, in plain SQL and by none of the builders' code."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import polars as pl

from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings
from features import definitions_v3
from features.raw.facts import RawFacts

ROWS_AT_A_TIME = 4_000
"""What fits in memory: each row is joined with a player's whole past."""

_RAW = ("games", "player_games", "shot_zones", "points_lines", "injuries", "players", "game_lines")
_FIRST = "oracle.sql", "every_column"
_THEN = "oracle_v3.sql", "every_column_v3"
"""Scripts and the tables in which they leave their answer; the second goes on from the first."""


@dataclass(frozen=True)
class Answer:
    """What the oracle says.

    columns: game_id, player_id, has_history and every column that it knows, one row an asked row. slate: game_id and
    player_id of whom it expects in the asked rows' games, whoever then appeared.
    """

    columns: pl.DataFrame
    slate: pl.DataFrame


def ask(raw: RawFacts, asked: pl.DataFrame, feature_set: FeatureSet, settings: FeatureSettings) -> Answer:
    """What the rows `asked` (game_id, player_id, team_id) should be, in every column that `feature_set` may name.

    Of a game either every row is asked or none.
    """
    scripts = [_FIRST, _THEN] if definitions_v3.is_named(definitions_v3.FEATURES, feature_set) else [_FIRST]
    games = asked["game_id"].unique(maintain_order=True)
    step = max(1, ROWS_AT_A_TIME * len(games) // max(asked.height, 1))
    with duckdb.connect() as connection:
        _load(connection, raw, settings)
        answers = [
            _ask_some(connection, asked.filter(pl.col("game_id").is_in(games[start : start + step].implode())), scripts)
            for start in range(0, max(len(games), 1), step)
        ]
    return Answer(pl.concat(each.columns for each in answers), pl.concat(each.slate for each in answers))


def _load(connection: duckdb.DuckDBPyConnection, raw: RawFacts, settings: FeatureSettings) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    for name in _RAW:
        connection.register(f"{name}_", getattr(raw, name).to_arrow())
        connection.execute(f"CREATE TABLE {name} AS FROM {name}_")
    for name, value in {
        "cutoff_minutes": settings.line_cutoff_minutes,
        "expected_days": settings.expected_days,
        "expected_team_games": settings.expected_team_games,
        "has_shot_zones": "shot-zones" in raw.ingested,
        "has_injuries": "injuries" in raw.ingested,
    }.items():
        connection.execute(f"SET VARIABLE {name} = {value}")


def _ask_some(connection: duckdb.DuckDBPyConnection, asked: pl.DataFrame, scripts: Sequence[tuple[str, str]]) -> Answer:
    """The answer about a few games, as the last script leaves it; what the scripts make is gone afterwards."""
    connection.begin()
    connection.register("asked_", asked.select("game_id", "player_id", "team_id").to_arrow())
    connection.execute("CREATE TABLE asked AS FROM asked_")
    for script, _ in scripts:
        connection.execute(importlib.resources.files("features.verify").joinpath(script).read_text())
    answer = Answer(_frame(connection, scripts[-1][1]), _frame(connection, "slate"))
    connection.rollback()
    return answer


def _frame(connection: duckdb.DuckDBPyConnection, table: str) -> pl.DataFrame:
    return pl.DataFrame(connection.sql(f"FROM {table}").to_arrow_table())
