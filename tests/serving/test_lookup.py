"""Stored rows: the current build's values as they are, or the reason why there is none."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
import sqlalchemy as sa

from contracts.database import writing
from contracts.tables import build_units, builds, games
from serving.faults import NoGamesError
from serving.lookup import find_rows, find_slate
from serving.predictor import FeatureRow, RowFault


def test_rows_come_in_the_order_asked_with_the_values_of_the_table(world):
    frame = world.slate().head(3).reverse()
    keys = frame.select("game_id", "player_id").rows()
    found = find_rows(world.engine, world.feature_set, [*keys, keys[0]])
    assert [(row.game_id, row.player_id) for row in found.rows] == [*keys, keys[0]]
    assert [dict(row.values) for row in found.rows[:3]] == frame.select(world.feature_set.names).to_dicts()
    assert {row.build_id for row in found.rows} == {1}


def test_an_unknown_player_and_a_known_one_without_a_row_are_told_apart(world):
    player = world.slate()["player_id"][0]
    found = find_rows(world.engine, world.feature_set, [("0099999999", player), ("0099999999", 1)])
    assert [row.code for row in found.rows if isinstance(row, RowFault)] == ["no_features", "unknown_player"]


def test_nothing_built_is_no_features_and_no_slate(world):
    key = world.slate().select("game_id", "player_id").row(0)
    day = world.slate()["game_date"][0]
    with writing(world.engine) as connection:
        connection.execute(sa.update(builds).values(state="failed"))
    found = find_rows(world.engine, world.feature_set, [key])
    assert [row.code for row in found.rows if isinstance(row, RowFault)] == ["no_features"]
    with pytest.raises(NoGamesError, match="features backfill"):
        find_slate(world.engine, world.feature_set, day)


def test_a_scheduled_date_beyond_the_horizon_is_said_to_be_one_with_the_setting(world):
    last = world.rows()["game_date"].max()
    far = last + timedelta(days=40)
    with writing(world.engine) as connection:
        game = dict(connection.execute(sa.select(games).limit(1)).mappings().one())
        connection.execute(sa.insert(games).values(game | {"game_id": "0029999999", "game_date": far}))
    with pytest.raises(NoGamesError, match="1 games are scheduled, after the latest results") as refused:
        find_slate(world.engine, world.feature_set, far)
    assert "features.coming_game_dates" in str(refused.value.remedy)
    with pytest.raises(NoGamesError) as without_games:
        find_slate(world.engine, world.feature_set, far + timedelta(days=1))
    assert "features.coming_game_dates" not in str(without_games.value.remedy)


@pytest.mark.parametrize("column", ["code_hash", "feature_set_hash"])
def test_rows_that_other_code_or_definitions_made_are_stale_on_that_date_alone(world, column):
    frame = world.rows().filter(pl.col("is_expected"))
    day, other = frame["game_date"][-1], frame["game_date"][0]
    with writing(world.engine) as connection:
        connection.execute(
            sa.update(build_units)
            .where(build_units.c.game_date == day, build_units.c.builder == "player_daily_cache")
            .values({column: "0" * 64})
        )
    rows = find_slate(world.engine, world.feature_set, day).rows
    assert {row.code for row in rows if isinstance(row, RowFault)} == {"stale_features"}
    assert not any(isinstance(row, FeatureRow) for row in rows)
    assert all(isinstance(row, FeatureRow) for row in find_slate(world.engine, world.feature_set, other).rows)


def test_the_slate_is_who_was_expected_not_who_appeared(world):
    day = world.slate()["game_date"][0]
    expected = world.rows().filter((pl.col("game_date") == day) & pl.col("is_expected"))
    appeared = world.rows().filter((pl.col("game_date") == day) & (pl.col("state") == "played"))
    found = [(row.game_id, row.player_id) for row in find_slate(world.engine, world.feature_set, day).rows]
    assert found == expected.sort("game_id", "player_id").select("game_id", "player_id").rows()
    assert set(found) != set(appeared.select("game_id", "player_id").rows())
