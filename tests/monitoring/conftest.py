"""What the tests of the monitors share: a small invented league, its feature table, and predictions about it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from contracts.database import open_database, writing
from contracts.feature_set import FeatureSet
from contracts.tables import grades, player_games, predictions
from features.feature_sets import load_feature_set
from features.table.rows import read_rows


@dataclass
class World:
    """A built league; `say` stores predictions about rows of its feature table."""

    engine: sa.Engine
    feature_set: FeatureSet

    def rows(self, day: date | None = None) -> pl.DataFrame:
        """The feature table, of one date or of all."""
        return read_rows(self.engine, self.feature_set, date_from=day, date_to=day)

    def last_day(self) -> date:
        """The latest date with expected rows."""
        day: date = self.rows().filter(pl.col("is_expected"))["game_date"].max()  # type: ignore[assignment]
        return day

    def say(self, rows: pl.DataFrame, predicted: float = 10.0, **changes: Any) -> None:
        """Store a prediction for each of `rows`: said three days before by a model that had seen nothing."""
        same = {
            "system": "season_average",
            "model_version": 1,
            "model_sha256": "a" * 64,
            "train_to": None,
            "feature_set": self.feature_set.name,
            "build_id": 1,
            "target": "points",
            "predicted": predicted,
            "interval_low": 5.0,
            "interval_high": 15.0,
            "line": None,
            "over_probability": None,
        }
        said = [
            {**row, **same, "predicted_at": noon(row["game_date"] - timedelta(days=3)), **changes}
            for row in rows.select("game_id", "player_id", "game_date").to_dicts()
        ]
        with writing(self.engine) as connection:
            connection.execute(sa.insert(predictions), said)

    def kept(self) -> list[dict[str, Any]]:
        """Every grade with its prediction's key, in the order of the predictions."""
        query = sa.select(grades, predictions.c.player_id, predictions.c.game_id).join(predictions)
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query.order_by(grades.c.prediction_id)).mappings()]

    def forget_results(self, *conditions: sa.ColumnElement[bool]) -> None:
        """Delete box scores."""
        with writing(self.engine) as connection:
            connection.execute(sa.delete(player_games).where(*conditions))


def noon(day: date) -> datetime:
    """Noon of a date in UTC."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@pytest.fixture
def world(built: Path, tmp_path: Path) -> Iterator[World]:
    """A copy of that database for one test."""
    shutil.copy(built, tmp_path / "tipoff.db")
    engine = open_database(f"sqlite:///{tmp_path / 'tipoff.db'}")
    yield World(engine, load_feature_set("v2_33features"))
    engine.dispose()
