"""What is expected of raw facts is worked out once for all who ask, and never taken for known after any change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import pytest
import sqlalchemy as sa

from contracts import tables
from contracts.database import open_database, writing
from features.raw.facts import RawFacts
from features.table import units
from features.table.backfill import backfill
from features.table.raw_mark import read_mark, recall
from features.table.status import stale_dates

VERBS = {
    "insert": "INSERT INTO {0} SELECT * FROM copied",
    "update": "UPDATE {0} SET {1} = {1}",
    "delete": "DELETE FROM {0}",
}
"""Statements typed by hand; `{1}` is a column of the table, `copied` has its rows."""


@pytest.fixture(scope="module")
def server(new_postgres, write_raw, small_league, feature_set, settings) -> Iterator[sa.Engine]:
    """The small league on PostgreSQL, built."""
    engine = open_database(new_postgres())
    write_raw(engine, small_league)
    backfill(engine, feature_set, settings)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def built(request: pytest.FixtureRequest) -> sa.Engine:
    """The small league, built, on either database; on the server nothing that a test does may stay."""
    return request.getfixturevalue("built_database" if request.param == "sqlite" else "server")


def test_after_a_build_nobody_reads_the_raw_facts_to_know_what_is_stale(built, feature_set, settings, monkeypatch):
    monkeypatch.setattr(units, "read_raw", lambda _: pytest.fail("read all raw facts"))
    assert stale_dates(built, feature_set, settings) == []


def test_what_is_recalled_is_what_the_facts_give(built, feature_set, settings):
    with built.connect() as connection:
        recalled = recall(connection, feature_set, settings.features)
        found = units.standing(connection, units.read_raw(connection), feature_set, settings)
    assert recalled == dict(found.expected)


def test_every_table_that_is_read_as_raw_facts_changes_the_mark():
    read = {each.name for each in fields(RawFacts)} - {"ingested"} | {"ingests"}
    assert read == set(tables.RAW_TABLES)


@pytest.mark.parametrize("verb", VERBS)
def test_any_change_of_any_raw_table_changes_the_mark(built, verb: str):
    """By a statement typed by hand; what is taken back has changed nothing."""
    for table in tables.RAW_TABLES:
        with built.connect() as connection:
            at_first = read_mark(connection)
            connection.execute(sa.insert(tables.teams).values(team_id=1, abbreviation="ONE", name="One"))
            _leave_foreign_keys_alone(connection, table)
            if verb == "insert":
                connection.exec_driver_sql(f"CREATE TEMPORARY TABLE copied AS SELECT * FROM {table}")  # noqa: S608
                connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
            before = read_mark(connection)
            column = next(iter(tables.metadata.tables[table].columns)).name
            changed = connection.exec_driver_sql(VERBS[verb].format(table, column))
            assert changed.rowcount > 0, table
            assert read_mark(connection) not in (before, None), table
            connection.rollback()
            assert read_mark(connection) == at_first


def _leave_foreign_keys_alone(connection: sa.Connection, table: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET CONSTRAINTS ALL DEFERRED")
        connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER raw_mark_{table}")
    else:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")


def test_a_table_emptied_at_once_changes_the_mark_too(server):
    with server.connect() as connection:
        before = read_mark(connection)
        connection.exec_driver_sql("TRUNCATE points_lines")
        assert read_mark(connection) not in (before, None)
        connection.rollback()


def test_a_correction_by_hand_is_seen_at_once(built_database, feature_set, settings):
    """Also twice: nothing is remembered of the state between."""
    for steals in ("steals + 1", "steals - 1"):
        with writing(built_database) as connection:
            first = connection.execute(sa.select(sa.func.min(tables.player_games.c.game_date))).scalar_one()
            connection.exec_driver_sql(f"UPDATE player_games SET steals = {steals} WHERE game_date = '{first}'")  # noqa: S608
        stale = stale_dates(built_database, feature_set, settings)
        assert (stale[:1] == [first]) == (steals == "steals + 1")


@pytest.mark.parametrize(
    "switch_off",
    ["DROP TRIGGER raw_mark_player_games_update", "ALTER TABLE player_games DISABLE TRIGGER raw_mark_player_games"],
)
def test_where_a_trigger_is_missing_nothing_is_taken_for_known(
    request: pytest.FixtureRequest, switch_off: str, feature_set, settings
):
    engine = request.getfixturevalue("built_database" if switch_off.startswith("DROP") else "server")
    with engine.connect() as connection:
        assert recall(connection, feature_set, settings.features) is not None
        connection.exec_driver_sql(switch_off)
        assert read_mark(connection) is None
        assert recall(connection, feature_set, settings.features) is None
        connection.rollback()


def test_what_was_expected_of_earlier_facts_is_not_kept(built_database, feature_set, settings):
    with writing(built_database) as connection:
        connection.exec_driver_sql("UPDATE player_games SET points = points")
    backfill(built_database, feature_set, settings)
    with built_database.connect() as connection:
        marks = connection.execute(sa.select(tables.expected_inputs.c.mark)).scalars().all()
        assert marks == [read_mark(connection)]
