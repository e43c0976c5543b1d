"""Closing lines: what a set that accepts them may notice of them, and that verify holds its stored rows to the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks.leakbench.code_plants_v3 import V3
from benchmarks.leakbench.planting import planted
from benchmarks.leakbench.world import build_database
from contracts.database import open_database, writing
from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings, Settings
from features.builders import market
from features.definitions_v3 import MARKET
from features.feature_sets import load_feature_set
from features.raw.facts import RawFacts
from features.table.builds import current_build
from features.table.versioned_rows import builder_table
from features.verify.mutation import Leak, find_leaks
from features.verify.verify import compare_stored, verify

CUT_DATE = date(2022, 12, 2)


@pytest.fixture(scope="module")
def accepting() -> FeatureSet:
    return load_feature_set(V3)


def leaks_of(raw: RawFacts, feature_set: FeatureSet) -> list[Leak]:
    return find_leaks(raw, feature_set, FeatureSettings(), CUT_DATE)


def test_a_set_that_accepts_them_notices_them_in_their_own_game_only(
    small_league: RawFacts, accepting: FeatureSet
) -> None:
    assert leaks_of(small_league, accepting) == []


def test_a_set_that_does_not_accept_them_may_not_notice_its_own_game_s_either(
    small_league: RawFacts, accepting: FeatureSet
) -> None:
    leaks = leaks_of(small_league, replace(accepting, accept_closing_game_lines=False))
    assert {leak.column for leak in leaks} == {feature.name for feature in MARKET}
    assert {(leak.change, leak.game_date) for leak in leaks} == {("closing lines were rewritten", CUT_DATE)}


def test_a_later_game_s_line_in_an_earlier_row_is_seen_whatever_the_set_accepts(
    small_league: RawFacts, accepting: FeatureSet
) -> None:
    with planted(market, 'pl.col("total").alias', 'pl.col("total").mean().alias'):
        leaks = leaks_of(small_league, accepting)
    assert "game_total" in {leak.column for leak in leaks if leak.game_date < CUT_DATE}


@pytest.mark.slow
def test_stored_rows_of_v3_are_true_to_the_last_cell_and_one_wrong_cell_of_its_own_is_found(
    tmp_path: Path, small_league: RawFacts, accepting: FeatureSet
) -> None:
    build_database(small_league, accepting, tmp_path / "v3.db")
    engine = open_database(f"sqlite:///{tmp_path / 'v3.db'}")
    report = verify(engine, accepting, Settings(), n_rows=0)
    assert (report.is_true, report.not_recomputed) == (True, [])
    assert report.cells == report.checked * len(accepting.names) > 100_000
    table = builder_table("ml_feature_store", accepting)
    away = sa.select(table).where(table.c.home_away == 0, table.c.spread != 0).limit(1)
    with writing(engine) as connection:
        row = connection.execute(away).mappings().one()
        where = (table.c.game_id == row["game_id"], table.c.player_id == row["player_id"])
        connection.execute(sa.update(table).where(*where).values(spread=-row["spread"]))
    build = current_build(engine, accepting)
    assert build is not None
    with engine.connect() as connection:
        _, cells, _ = compare_stored(connection, accepting, Settings(), build, small_league, n_rows=0, seed=0)
    place = (row["game_id"], row["player_id"])
    assert set(cells.select("column", "game_id", "player_id").iter_rows()) == {
        ("spread", *place),
        ("ml_feature_store.row_hash", *place),
    }
    engine.dispose()
