"""Coverage counts what was expected before anybody looked at what was done."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
import sqlalchemy as sa

from contracts.database import writing
from contracts.settings import MonitorsSettings, Settings
from contracts.tables import build_units, builds, games
from monitoring.coverage import coverage
from monitoring.monitors.coverage import judge_slate

SETTINGS = Settings(monitors=MonitorsSettings(min_coverage=0.95))


@pytest.fixture
def day(world) -> date:
    return world.last_day()


@pytest.fixture
def expected(world, day) -> pl.DataFrame:
    return world.rows(day).filter(pl.col("is_expected"))


def test_all_predicted_is_full_coverage_and_no_shortfall(world, day, expected):
    world.say(expected)
    found = coverage(world.engine, day, world.feature_set, SETTINGS)
    assert (found.expected, found.predicted, found.share, found.missing) == (expected.height, expected.height, 1.0, {})
    assert found.shortfall(SETTINGS) is None


def test_what_was_not_predicted_is_counted_and_said(world, day, expected):
    world.say(expected.head(10))
    found = coverage(world.engine, day, world.feature_set, SETTINGS)
    assert found.missing == {"not_predicted": expected.height - 10}
    assert found.share == 10 / expected.height
    assert f"{expected.height - 10} not_predicted" in found.shortfall(SETTINGS)


def test_predictions_of_players_nobody_expected_do_not_count(world, day, expected):
    others = world.rows(day).filter(~pl.col("is_expected"))
    elsewhere = expected.with_columns(player_id=pl.col("player_id") + 500_000)
    world.say(pl.concat([others, elsewhere]))
    assert coverage(world.engine, day, world.feature_set, SETTINGS).predicted == 0


def test_two_systems_count_once_and_one_can_be_asked_for(world, day, expected):
    world.say(expected.head(10))
    world.say(expected.head(15), system="xgboost", model_version=2)
    assert coverage(world.engine, day, world.feature_set, SETTINGS).predicted == 15
    assert coverage(world.engine, day, world.feature_set, SETTINGS, system="season_average").predicted == 10


def test_stale_rows_are_the_reason_where_they_are(world, day, expected):
    with writing(world.engine) as connection:
        connection.execute(sa.update(build_units).where(build_units.c.game_date == day).values(code_hash="0" * 64))
    found = coverage(world.engine, day, world.feature_set, SETTINGS)
    assert found.missing == {"stale_features": expected.height}


def test_a_game_of_the_schedule_without_rows_is_a_shortfall_even_if_all_rows_are_predicted(world, day, expected):
    world.say(expected)
    with writing(world.engine) as connection:
        home, away = world.rows()["team_id"].unique().to_list()[:2]
        connection.execute(
            sa.insert(games).values(
                game_id="0022299999",
                season=2022,
                season_type="regular",
                game_date=day,
                home_team_id=home,
                away_team_id=away,
            )
        )
    found = coverage(world.engine, day, world.feature_set, SETTINGS)
    assert (found.share, found.games_without_rows) == (1.0, 1)
    assert "1 of 2 games have no feature rows" in found.shortfall(SETTINGS)


def test_on_opening_night_nobody_can_be_expected_and_nothing_is_lacking(world, day):
    opening = day + timedelta(days=120)
    with writing(world.engine) as connection:
        home, away = world.rows()["team_id"].unique().to_list()[:2]
        teams = {"home_team_id": home, "away_team_id": away}
        connection.execute(
            sa.insert(games).values(
                game_id="0022300001", season=2023, season_type="regular", game_date=opening, **teams
            )
        )
    found = coverage(world.engine, opening, world.feature_set, SETTINGS)
    assert (found.games, found.games_of_openers, found.games_without_rows) == (1, 1, 0)
    assert (found.expected, found.share, found.shortfall(SETTINGS)) == (0, 1.0, None)
    reading = judge_slate(found, "any system", SETTINGS.monitors, is_due=True)
    assert not reading.is_bad
    assert "nobody can be expected" in reading.detail


def test_nothing_built_is_no_coverage_of_a_day_with_games(world, day):
    with writing(world.engine) as connection:
        connection.execute(sa.update(builds).values(state="failed"))
    found = coverage(world.engine, day, world.feature_set, SETTINGS)
    assert (found.expected, found.share) == (0, 0.0)
    assert "no_features" in found.shortfall(SETTINGS)


def test_a_day_without_games_lacks_nothing(world):
    found = coverage(world.engine, date(2021, 7, 4), world.feature_set, SETTINGS)
    assert (found.expected, found.share, found.shortfall(SETTINGS)) == (0, 1.0, None)
    assert found.to_json()["game_date"] == "2021-07-04"
