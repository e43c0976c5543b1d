"""Builds from the command line: stale rows are reported and refused, a correction is rebuilt, explained and pruned."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def corrected(make_league: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one build, of which a box score was corrected since; too few dates to train a way back on."""
    home = tmp_path_factory.mktemp("versions")
    make_league(home, regular_games=12)
    database = sqlite3.connect(home / "tipoff.db")
    day = database.execute("SELECT max(game_date) FROM player_games").fetchone()[0]
    one = "SELECT min(rowid) FROM player_games WHERE minutes > 0 AND game_date < ?"
    database.execute(
        f"UPDATE player_games SET ftm = ftm + 1, fta = fta + 1, points = points + 1 WHERE rowid = ({one})",  # noqa: S608
        (day,),
    )
    database.commit()
    database.close()
    return home


def test_from_stale_rows_to_a_pruned_build(corrected: Path, inside_at, tmp_path: Path) -> None:
    shell = inside_at(corrected)
    before = tmp_path / "before.parquet"
    first = shell.done("features", "export", "--feature-set", "v2_33features", "--out", str(before))["build_id"]
    assert sum(each["stale"] for each in shell.done("features", "status")["builders"]) > 0
    refused = shell.tipoff("train", "--system", "season_average", "--feature-set", "v2_33features")
    assert (refused.code, "stale" in refused.err, "features backfill" in refused.err) == (3, True, True)

    rebuilt = shell.done("features", "backfill")
    second = rebuilt["build_id"]
    again = tmp_path / "again.parquet"
    shell.done("features", "export", "--feature-set", "v2_33features", "--out", str(again), "--build", str(first))
    assert again.read_bytes() == before.read_bytes()

    found = shell.done("features", "diff", str(first), str(second), "--limit", "3")
    assert found["changed_rows"] > 0
    assert found["causes"] == {"raw_correction": found["changed_rows"]}
    assert [each["kind"] for each in found["raw"]] == ["game-logs"]
    assert len(found["cells"]) == 3
    assert found["cells"][0].keys() == {"game_id", "player_id", "game_date", "column", "a", "b", "causes"}
    told = shell.tipoff("features", "diff", str(first), str(second))
    assert (told.code, told.out) == (0, "")
    assert "raw_correction" in told.err

    plan = shell.done("features", "prune", "--dry-run")
    assert (plan["pruned"], plan["dry_run"]) == ([first], True)
    done = shell.done("features", "prune")
    assert (done["rows"], done["bytes"], done["pruned"]) == (plan["rows"], plan["bytes"], [first])
    assert [each["build_id"] for each in done["kept"]] == [second]
    assert "current" in done["kept"][0]["reasons"]
    gone = shell.tipoff(
        "features", "export", "--feature-set", "v2_33features", "--out", str(again), "--build", str(first)
    )
    assert (gone.code, "was pruned" in gone.err) == (2, True)
    assert shell.tipoff("features", "diff", str(first), str(second)).code == 2
    assert shell.tipoff("features", "diff", "98", "99").code == 2


def test_another_set_can_be_built_first_and_the_way_back_waits_for_its_own(inside_at, tmp_path: Path) -> None:
    shell = inside_at(tmp_path)
    shell.done("ingest", "simulated", "--seasons", "1", "--teams", "4", "--games", "40")
    said = shell.tipoff("features", "backfill", "--feature-set", "rebounds_20features")
    assert said.code == 0
    told = " ".join(said.err.split())
    assert "No version is in Production yet: season_average needs 30 dates of results, built as v2_33features." in told
