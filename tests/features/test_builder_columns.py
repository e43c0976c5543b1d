"""Every column of the five builders' tables has its meaning, and no meaning is of a column that is gone."""

from __future__ import annotations

from contracts import builder_columns, tables
from features.builders.compute import BUILDERS
from features.definitions import DEFINITIONS
from features.feature_sets import load_feature_set

TABLES = [tables.metadata.tables[name] for name in BUILDERS[:-1]] + [
    tables.feature_table(load_feature_set("v2_33features"))
]


def test_every_column_is_told_here_or_is_a_feature() -> None:
    assert [
        f"{table.name}.{column.name}"
        for table in TABLES
        for column in table.columns
        if not column.doc and column.name not in DEFINITIONS
    ] == []


def test_no_column_that_is_gone_is_told() -> None:
    told = {
        "team_defense_zone_analysis": builder_columns._TEAM_DEFENSE,
        "player_shot_zone_analysis": builder_columns._SHOT_ZONES,
        "player_daily_cache": builder_columns._DAILY_CACHE,
        "player_composite_factors": builder_columns._COMPOSITE_FACTORS,
        TABLES[-1].name: builder_columns._FEATURE_STORE,
    }
    assert {table.name: sorted(told[table.name].keys() - set(table.columns.keys())) for table in TABLES} == {
        table.name: [] for table in TABLES
    }
