"""Every stored row says what it used and which code and definitions made it, in one view beside its table."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from contracts import tables
from contracts.database import open_database, writing
from features.builders.compute import BUILDERS
from features.table import builds, units
from features.table.backfill import backfill
from features.table.builds import code_hash
from features.table.versioned_rows import builder_table

VIEW = sa.table("ml_feature_store_v2_33features_rows")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def built_twice(request, feature_set, settings, write_raw, small_league, tmp_path_factory) -> Iterator[sa.Engine]:
    """Built, then corrected and built again by other code."""
    file = tmp_path_factory.mktemp("twice") / "league.db"
    address = request.getfixturevalue("new_postgres")() if request.param == "postgresql" else f"sqlite:///{file}"
    engine = open_database(address)
    write_raw(engine, small_league)
    backfill(engine, feature_set, settings)
    box = tables.player_games
    with writing(engine) as connection:
        last = connection.execute(sa.select(sa.func.max(box.c.game_date))).scalar()
        connection.execute(sa.update(box).where(box.c.game_date == last).values(assists=box.c.assists + 1))
    with pytest.MonkeyPatch.context() as patch:
        for module in (builds, units):
            patch.setattr(module, "code_hash", lambda: "c" * 64)
        backfill(engine, feature_set, settings)
    yield engine
    engine.dispose()


def test_code_and_definitions_of_every_row_are_those_of_the_build_that_wrote_it(built_twice, feature_set):
    made = ("from_build", "code_hash", "feature_set", "feature_set_hash")
    groups = [sa.column(name) for name in made]
    counting = sa.select(*groups, sa.func.count().label("n")).select_from(VIEW).group_by(*groups).order_by(groups[0])
    with built_twice.connect() as connection:
        rows = connection.execute(counting).all()
        stored = count(connection, sa.table(builder_table(BUILDERS[-1], feature_set).name))
    made_by = {1: code_hash(), 2: "c" * 64}
    assert [tuple(row)[:4] for row in rows] == [
        (build_id, made_by[build_id], feature_set.name, feature_set.hash) for build_id in (1, 2)
    ]
    assert sum(row.n for row in rows) == stored


def test_every_row_says_how_many_games_it_used_and_its_latest_source(built_twice):
    names = ("window_games", "max_source_date", "game_date")
    with built_twice.connect() as connection:
        rows = connection.execute(sa.select(*(sa.column(name) for name in names)).select_from(VIEW)).all()
    used = [json.loads(row.window_games) for row in rows]
    assert all({"last_5", "last_10", "season", "team"} <= each.keys() for each in used)
    assert all(row.max_source_date is None or str(row.max_source_date) < str(row.game_date) for row in rows)


@pytest.mark.parametrize("builder", BUILDERS[:-1])
def test_every_builder_has_such_a_view(built_twice, builder):
    with built_twice.connect() as connection:
        assert count(connection, sa.table(f"{builder}_rows")) == count(connection, sa.table(builder)) > 0


def test_a_table_that_was_there_before_the_view_gets_one(tmp_path, feature_set):
    """The migration makes the views of tables that earlier versions made."""
    from alembic import command
    from alembic.config import Config

    from contracts.database import _migrations_folder

    engine = sa.create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    config = Config()
    config.set_main_option("script_location", str(_migrations_folder()))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        old = sa.Table(
            "ml_feature_store_old", sa.MetaData(), sa.Column("game_id", sa.Text), sa.Column("from_build", sa.Integer)
        )
        old.create(connection)
        command.upgrade(config, "head")
        assert connection.execute(sa.text("SELECT code_hash, settled_build FROM ml_feature_store_old_rows")).all() == []
    engine.dispose()


def count(connection: sa.Connection, table: sa.TableClause) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
