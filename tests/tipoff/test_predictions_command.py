"""`tipoff predictions`: what was said and what came of it, in a file that is whole or not there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from contracts.database import open_database, writing
from contracts.errors import UnavailableError, UsageError
from contracts.files import write_rows
from contracts.settings import Settings
from contracts.tables import grades, predictions
from monitoring.grading import grade
from monitoring.said import read_said


@pytest.fixture
def said_to(tmp_path: Path, built: Path) -> Iterator[sa.Engine]:
    """An engine over a built league with two systems' predictions about its first player-games."""
    shutil.copy(built, tmp_path / "tipoff.db")
    engine = open_database(f"sqlite:///{tmp_path / 'tipoff.db'}")
    with writing(engine) as connection:
        rows = connection.execute(
            sa.text("SELECT game_id, player_id, game_date FROM player_games ORDER BY game_date, game_id LIMIT 40")
        ).all()
        same = {
            "model_version": 1,
            "model_sha256": "a" * 64,
            "feature_set": "v2_33features",
            "build_id": 1,
            "target": "points",
            "predicted": 10.0,
            "interval_low": 5.0,
            "interval_high": 15.0,
            "predicted_at": datetime(2020, 1, 1, tzinfo=UTC),
        }
        connection.execute(
            sa.insert(predictions),
            [
                {
                    **same,
                    "game_id": row.game_id,
                    "player_id": row.player_id,
                    "game_date": date.fromisoformat(row.game_date),
                    "system": system,
                }
                for row in rows
                for system in ("season_average", "last_10_average")
            ],
        )
    yield engine
    engine.dispose()


def test_every_prediction_stands_there_with_its_grade(said_to: sa.Engine) -> None:
    assert read_said(said_to)["outcome"].null_count() == 80
    grade(said_to, Settings())
    rows = read_said(said_to)
    assert rows.height == 80
    assert rows["outcome"].null_count() == 0
    assert set(rows.columns) >= {column.name for column in predictions.c} | {column.name for column in grades.c}
    assert read_said(said_to, system="season_average").height == 40


def test_a_span_is_inclusive_and_nothing_about_it_is_said(said_to: sa.Engine) -> None:
    first = read_said(said_to)["game_date"].min()
    assert read_said(said_to, first, first)["game_date"].unique().to_list() == [first]
    with pytest.raises(UnavailableError, match="No prediction is stored"):
        read_said(said_to, system="xgboost")
    with pytest.raises(UsageError, match="backwards"):
        read_said(said_to, first, first.replace(year=first.year - 1))


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out"])
def test_the_file_holds_the_rows(said_to: sa.Engine, tmp_path: Path, name: str) -> None:
    rows, path = read_said(said_to), tmp_path / name
    write_rows(rows, path)
    read = pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    assert read["prediction_id"].to_list() == rows["prediction_id"].to_list()


def test_a_file_that_cannot_be_written_is_said_and_nothing_is_left(said_to: sa.Engine, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError, match="cannot be written"):
        write_rows(read_said(said_to), tmp_path / "no" / "out.parquet")
    assert sorted(tmp_path.iterdir()) == before


def test_the_command_counts_what_it_wrote(inside_at: Any, said_to: sa.Engine, tmp_path: Path) -> None:
    told = inside_at(tmp_path).done("predictions", "--out", str(tmp_path / "out.parquet"))
    assert (told["rows"], told["graded"]) == (80, 0)
