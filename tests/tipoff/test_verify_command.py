"""`tipoff features verify` as a process: exit code 1, column and row where a stored cell is wrong or the code leaks."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.database import open_database, writing
from contracts.tables import feature_table
from features.feature_sets import load_feature_set

pytestmark = pytest.mark.slow  # every cell twice, in processes of their own

BUILDER = "ml_feature_store"
LEAKY = """
import polars as pl

from features.builders import points_lines
from tipoff.__main__ import main

points_lines.cut_off = lambda tip_off_at, minutes: tip_off_at + pl.duration(days=1)
main(["features", "verify", "--json"])
"""
"""verify with a planted leak: whatever was captured up to a day after tip-off is taken as known."""


@pytest.fixture
def shell(built: Path, tmp_path: Path, shell_at: Any) -> Any:
    """A shell in a home whose simulated season is ingested and built."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(built, home / "tipoff.db")
    return shell_at(home)


def test_a_wrong_cell_is_exit_code_1_and_named_with_its_row(shell: Any) -> None:
    """One cell of all the rows of a simulated league: nothing else is told."""
    row = _wrong_cell(shell.home)
    said = shell.tipoff("features", "verify", "--sample", "0", "--json")
    assert said.code == 1
    assert "points_avg_last_10: game {game_id}, player {player_id}".format(**row) in " ".join(said.err.split())
    assert said.json["mismatches_by_column"] == {f"{BUILDER}.row_hash": 1, "points_avg_last_10": 1}
    assert said.json["leaks"] == 0
    assert "Traceback" not in said.err


def test_a_leak_in_the_code_is_exit_code_1_and_named_with_column_and_rows(shell: Any) -> None:
    said = shell.run(sys.executable, "-c", LEAKY)
    assert said.code == 1, said.err
    assert {leak["column"] for leak in said.json["leaked"]} >= {"vegas_points_line", "line"}
    assert all(leak["n_rows"] > 0 and leak["game_id"] for leak in said.json["leaked"])
    told = " ".join(said.err.split())
    assert "ml_feature_store.vegas_points_line: changed in" in told
    assert "lines and entries captured after the cut-off" in told


def _wrong_cell(home: Path) -> dict[str, Any]:
    """Half a point more in one stored average; the row."""
    engine = open_database(f"sqlite:///{home / 'tipoff.db'}")
    table = feature_table(load_feature_set("v2_33features"))
    with writing(engine) as connection:
        query = sa.select(table).where(table.c.points_avg_last_10 > 5).order_by(table.c.game_id, table.c.player_id)
        row = dict(connection.execute(query.limit(1)).mappings().one())
        is_row = (table.c.game_id == row["game_id"], table.c.player_id == row["player_id"])
        changed = {"points_avg_last_10": row["points_avg_last_10"] + 0.5}
        connection.execute(sa.update(table).where(*is_row).values(**changed))
    engine.dispose()
    return row
