"""The migrations make exactly the tables that contracts/tables.py declares, on SQLite and on PostgreSQL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from contracts import tables
from contracts.database import is_up_to_date, open_database

ALEMBIC = "alembic_version"


def differences(migrated: sa.Engine, declared: sa.MetaData) -> list[str]:
    """What a migrated database and `declared` say differently, in words; Alembic's own comparison has no checks."""
    with migrated.connect() as connection:
        told = [str(each) for each in compare_metadata(MigrationContext.configure(connection), declared)]
    there, wanted = checks_of(migrated), checks_declared(declared, migrated)
    return told + [
        f"{table}: checks in the database {sorted(there.get(table, set()))}, declared {sorted(wanted[table])}"
        for table in wanted
        if there.get(table, set()) != wanted[table]
    ]


def checks_declared(declared: sa.MetaData, like: sa.Engine) -> dict[str, set[str]]:
    """table -> its checks, as a database of the same kind gives them back when `declared` itself is created there."""
    schema = "declared" if like.dialect.name == "postgresql" else None
    engine = sa.create_engine("sqlite://") if schema is None else like
    with engine.begin() as connection:
        if schema:
            connection.execute(sa.text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
            connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
        translated = connection.execution_options(schema_translate_map={None: schema})
        declared.create_all(translated)
        return _checks(connection, list(declared.tables), schema)


def checks_of(engine: sa.Engine) -> dict[str, set[str]]:
    """table -> its checks, names left out (a column's own check has none), spaces evened."""
    with engine.connect() as connection:
        return _checks(connection, [name for name in sa.inspect(engine).get_table_names() if name != ALEMBIC], None)


def _checks(connection: sa.Connection, names: list[str], schema: str | None) -> dict[str, set[str]]:
    if connection.dialect.name == "postgresql":
        inspected = sa.inspect(connection)
        return {name: {each["sqltext"] for each in inspected.get_check_constraints(name, schema)} for name in names}
    query = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    return {name: set(_checks_in(sql)) for name, sql in connection.execute(query) if name in names}


def _checks_in(sql: str) -> list[str]:
    """The bracket after every CHECK of a CREATE TABLE statement."""
    found = []
    for match in re.finditer(r"\bCHECK \(", sql):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        found.append(" ".join(sql[match.end() : end - 1].split()))
    return found


def copy_of(declared: sa.MetaData) -> sa.MetaData:
    copied = sa.MetaData()
    for table in declared.sorted_tables:
        table.to_metadata(copied)
    return copied


def test_the_migrations_make_what_the_tables_declare(migrated: sa.Engine) -> None:
    assert is_up_to_date(migrated)
    assert differences(migrated, tables.metadata) == []


def test_an_empty_database_is_not_up_to_date(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    assert not is_up_to_date(engine)
    engine.dispose()


def plant_a_column(declared: sa.MetaData) -> None:
    declared.tables["games"].append_column(sa.Column("attendance", sa.Integer))


def plant_a_table(declared: sa.MetaData) -> None:
    sa.Table("arenas", declared, sa.Column("arena_id", sa.Integer, primary_key=True))


def plant_an_index(declared: sa.MetaData) -> None:
    sa.Index("games_by_home", declared.tables["games"].c.home_team_id)


def plant_a_check(declared: sa.MetaData) -> None:
    declared.tables["games"].append_constraint(sa.CheckConstraint("season > 1900"))


@pytest.mark.parametrize("plant", [plant_a_column, plant_a_table, plant_an_index, plant_a_check])
def test_what_is_declared_without_a_migration_is_found(migrated: sa.Engine, plant: Any) -> None:
    declared = copy_of(tables.metadata)
    plant(declared)
    found = differences(migrated, declared)
    assert found
    assert all("games" in each or "arenas" in each for each in found)


def test_a_database_behind_the_newest_migration_is_seen(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'tipoff.db'}")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    assert not is_up_to_date(engine)
    engine.dispose()
