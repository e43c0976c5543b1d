"""Whose games somebody can be expected in: by the schedule, so that missing results excuse nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.database import open_database, writing
from contracts.settings import FeatureSettings
from contracts.tables import games, teams
from features.table.expectable import expectable_games

OPENING = date(2023, 10, 24)
SETTINGS = FeatureSettings(expected_days=30)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sa.Connection]:
    """A season that ended in June, an opening night of two games, and two games on the day after."""
    engine = open_database(f"sqlite:///{tmp_path / 'games.db'}")
    played = [("0022201230", date(2023, 6, 12), 1, 2), ("0022300001", OPENING, 1, 2), ("0022300002", OPENING, 3, 4)]
    coming = [("0022300003", date(2023, 10, 25), 1, 5), ("0022300004", date(2023, 10, 25), 6, 7)]
    with writing(engine) as connection:
        connection.execute(
            sa.insert(teams),
            [{"team_id": team, "abbreviation": f"T{team}", "name": f"Team {team}"} for team in range(1, 8)],
        )
        for game_id, day, home, away in played + coming:
            of_game = {"game_id": game_id, "game_date": day, "home_team_id": home, "away_team_id": away}
            connection.execute(sa.insert(games).values(**of_game, season=2023, season_type="regular"))
    with engine.connect() as reading:
        yield reading
    engine.dispose()


def test_on_opening_night_nobody_can_be_expected(connection: sa.Connection) -> None:
    assert expectable_games(connection, OPENING, SETTINGS) == set()


def test_the_day_after_only_where_a_team_had_a_game_whatever_is_known_of_it(connection: sa.Connection) -> None:
    assert expectable_games(connection, date(2023, 10, 25), SETTINGS) == {"0022300003"}


def test_the_span_is_the_settings(connection: sa.Connection) -> None:
    assert expectable_games(connection, OPENING, FeatureSettings(expected_days=140)) == {"0022300001"}


def test_a_date_without_games_has_none(connection: sa.Connection) -> None:
    assert expectable_games(connection, date(2023, 7, 4), SETTINGS) == set()
