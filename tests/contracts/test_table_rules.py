"""What the database itself refuses, whoever writes: results counted twice, figures on another scale, the future."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from contracts import tables
from contracts.feature_set import Feature, FeatureSet

NOW = datetime(2024, 3, 1, 18, tzinfo=UTC)
STORE = tables.feature_table(FeatureSet("rules", (Feature("a", "cache", "a feature"),)))

PLAYER_GAME: dict[str, Any] = {
    "game_id": "0022300001",
    "player_id": 1,
    "season": 2023,
    "season_type": "regular",
    "game_date": date(2024, 3, 1),
    "team_id": 1,
    "opponent_id": 2,
    "is_home": True,
    **dict.fromkeys(tables.BOX_COUNTS, 0),
}
PREDICTION: dict[str, Any] = {
    "prediction_id": 1,
    "game_date": date(2024, 3, 1),
    "game_id": "0022300001",
    "player_id": 1,
    "system": "xgboost",
    "model_version": 2,
    "model_sha256": "a" * 64,
    "feature_set": "v2_33features",
    "build_id": 1,
    "target": "points",
    "predicted": 10.0,
    "interval_low": 5.0,
    "interval_high": 15.0,
    "predicted_at": NOW,
}
GRADE: dict[str, Any] = {"prediction_id": 1, "outcome": "graded", "label": "live", "graded_at": NOW}
LINE: dict[str, Any] = {"game_id": "0022300001", "player_id": 1, "book": "b", "captured_at": NOW, "line": 20.5}
ROW: dict[str, Any] = {
    "game_id": "0022300001",
    "player_id": 1,
    "game_date": date(2024, 3, 1),
    "team_id": 1,
    "season": 2023,
    "opponent_id": 2,
    "state": "played",
    "is_expected": True,
    "missing": "",
    "window_games": "{}",
    "max_source_date": date(2024, 2, 29),
    "row_hash": 1,
    "from_build": 1,
}
SOUND = {
    tables.player_games: PLAYER_GAME,
    tables.predictions: PREDICTION,
    tables.grades: GRADE,
    tables.points_lines: LINE,
    STORE: ROW,
}


@pytest.fixture(scope="module")
def database(migrated: sa.Engine) -> sa.Engine:
    """A database with one sound row of each kind."""
    with migrated.begin() as connection:
        STORE.create(connection)
        for table, row in SOUND.items():
            connection.execute(sa.insert(table).values(**row))
    return migrated


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (tables.player_games, {"player_id": 2, "points": 1}),  # 2 FGM + 3PM + FTM are 0
        (tables.player_games, {"player_id": 2, "minutes": -1}),
        (tables.player_games, {"player_id": 2, "rebounds": 3}),
        (tables.player_games, {}),  # the same player-game twice
        (tables.points_lines, {}),  # the same snapshot twice
        (tables.points_lines, {"line": 0.0}),
        (tables.points_lines, {"book": "c", "captured_at": None}),  # a line that nobody knows the time of
        (tables.predictions, {"prediction_id": 2}),  # the same prediction twice
        (tables.predictions, {"prediction_id": 2, "player_id": 2, "over_probability": 55.0}),  # 0-100 for 0-1
        (tables.predictions, {"prediction_id": 2, "player_id": 2, "interval_low": 16.0}),
        (tables.grades, {}),  # a prediction graded twice
        (tables.grades, {"prediction_id": 99}),  # a grade of nothing that was said
        (tables.grades, {"label": "history"}),
        (STORE, {"player_id": 2, "max_source_date": date(2024, 3, 1)}),  # the row has seen its own date
        (STORE, {"from_build": 2}),  # two current rows of one player-game
    ],
)
def test_the_database_refuses(database: sa.Engine, table: sa.Table, change: dict[str, Any]) -> None:
    with pytest.raises(sa.exc.IntegrityError), database.begin() as connection:
        connection.execute(sa.insert(table).values(**(SOUND[table] | change)))


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (tables.player_games, {"player_id": 2}),
        (tables.points_lines, {"book": "c"}),
        (tables.predictions, {"prediction_id": 2, "model_version": 3, "over_probability": 0.55}),
        (STORE, {"player_id": 2}),
    ],
)
def test_the_same_rows_without_the_fault_are_taken(
    database: sa.Engine, table: sa.Table, change: dict[str, Any]
) -> None:
    """The refusals above are about their faults, and about nothing else in the rows."""
    with database.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.insert(table).values(**(SOUND[table] | change)))
        transaction.rollback()
