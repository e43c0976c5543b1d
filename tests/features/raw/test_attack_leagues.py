"""A database holds one league: nobody's demo is mixed with his real games, and no two demos with each other."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from contracts.errors import RefusedError
from contracts.tables import ingests, player_games
from features.raw.ingest import IngestReport, ingest
from features.sources.files import Source
from features.sources.simulated import league_sources

SIZE = {"n_teams": 4, "regular_games": 6}


def bring(engine: sa.Engine, source: Source, folder: Path) -> IngestReport:
    """Ingest box scores."""
    return ingest(engine, "game-logs", [source], folder)


def logs(n_seasons: int, seed: int) -> Source:
    """The box scores of a tiny league."""
    return league_sources(n_seasons, seed, **SIZE)["game-logs"]


def real(source: Source) -> Source:
    """The same box scores under real teams' ids."""
    return Source("logs.csv", source.frame.with_columns(pl.col("TEAM_ID") - 100_000_000 + 36), "0" * 64)


def count(engine: sa.Engine) -> tuple[int, int]:
    """Player-games and entries in the book of ingests."""
    with engine.connect() as connection:
        n_rows = connection.scalar(sa.select(sa.func.count()).select_from(player_games))
        return int(n_rows or 0), int(connection.scalar(sa.select(sa.func.count()).select_from(ingests)) or 0)


def test_another_seed_is_refused_and_nothing_is_written(engine: sa.Engine, tmp_path: Path) -> None:
    bring(engine, logs(1, 7), tmp_path)
    before = count(engine)
    with pytest.raises(RefusedError, match=r"seed=8.*TIPOFF_HOME"):
        bring(engine, logs(1, 8), tmp_path)
    assert count(engine) == before


def test_more_seasons_of_the_same_league_are_taken(engine: sa.Engine, tmp_path: Path) -> None:
    first = bring(engine, logs(1, 7), tmp_path)
    both = bring(engine, logs(2, 7), tmp_path)
    assert both.changed == both.rows - first.rows
    assert both.rejected == 0


@pytest.mark.parametrize("is_real_first", [True, False])
def test_real_and_made_up_games_are_not_mixed(is_real_first: bool, engine: sa.Engine, tmp_path: Path) -> None:
    made_up = logs(1, 7)
    first, second = (real(made_up), made_up) if is_real_first else (made_up, real(made_up))
    bring(engine, first, tmp_path)
    before = count(engine)
    with pytest.raises(RefusedError, match="would mix"):
        bring(engine, second, tmp_path)
    assert count(engine) == before


def test_a_file_may_correct_the_made_up_league(engine: sa.Engine, tmp_path: Path) -> None:
    source = logs(1, 7)
    bring(engine, source, tmp_path)
    corrected = source.frame.with_columns(pl.col("AST") + 1)
    assert bring(engine, Source("corrected.csv", corrected, "1" * 64), tmp_path).changed == corrected.height
