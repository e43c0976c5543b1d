"""Two real seasons through the command line: every row goes in, and the figures are those of an honest model."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytestmark = pytest.mark.slow  # a real season is ingested, built and trained on

SEASONS = ("2022-23", "2023-24")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, shell_at: Callable[..., Any]) -> Any:
    return shell_at(tmp_path_factory.mktemp("real") / "home")


@pytest.fixture(scope="module")
def ingested(shell: Any, real_data: Path) -> dict[str, dict[str, Any]]:
    """What every ingest said, by kind."""
    logs = [str(real_data / "player_game_logs" / f"{season}.csv.gz") for season in SEASONS]
    files = {
        "game-logs": logs,
        "game-lines": [str(real_data / "game_lines.parquet")],
        "points-lines": [str(real_data / "points_lines.parquet")],
        "positions": [str(real_data / "positions.csv")],
        "injuries": [str(real_data / "injuries.csv.gz")],
    }
    return {kind: shell.done("ingest", kind, *paths) for kind, paths in files.items()}


@pytest.fixture(scope="module")
def backfilled(shell: Any, ingested: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = shell.done("features", "backfill")
    return told


@pytest.fixture(scope="module")
def trained(shell: Any, backfilled: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = shell.done("train", "--system", "xgboost")
    return told


def box_scores(folder: Path) -> list[tuple[str, str]]:
    """(GAME_ID, MIN) of every row of the seasons' files, read by nothing of ours."""
    found = []
    for season in SEASONS:
        with gzip.open(folder / "player_game_logs" / f"{season}.csv.gz", "rt", newline="") as file:
            found += [(row["GAME_ID"], row["MIN"]) for row in csv.DictReader(file)]
    return found


def test_every_row_of_the_logs_goes_in(ingested: dict[str, dict[str, Any]], real_data: Path) -> None:
    rows = box_scores(real_data)
    said = ingested["game-logs"]
    assert (said["player_games"], said["rejected"]) == (len(rows), 0)
    assert said["games"] == len({game for game, _ in rows})


def test_only_games_without_an_id_of_the_league_are_rejected(
    ingested: dict[str, dict[str, Any]], real_data: Path
) -> None:
    for kind in ("points-lines", "positions", "injuries"):
        assert ingested[kind]["rows"] > 0
        assert ingested[kind]["rejected"] == 0, kind
    ids = pl.read_parquet(real_data / "game_lines.parquet")["game_id"].to_list()
    n_foreign = sum(not re.fullmatch(r"[0-9]{10}", each) for each in ids)
    lines = ingested["game-lines"]
    assert (lines["rows"], lines["rejected"]) == (len(ids) - n_foreign, n_foreign)
    assert lines["reasons"] == {"game_id is not a 10-digit game id": n_foreign}
    assert Path(lines["rejects_path"]).is_file()


def test_the_feature_table_holds_every_player_game_and_those_expected_who_did_not_appear(
    backfilled: dict[str, Any], ingested: dict[str, dict[str, Any]]
) -> None:
    assert backfilled["player_games"] == ingested["game-logs"]["player_games"]
    assert backfilled["rows"] == backfilled["player_games"] + backfilled["expected_absent"]
    assert backfilled["expected_absent"] > 0


def test_the_figures_are_those_of_an_honest_model(trained: dict[str, Any]) -> None:
    """Far below 4.4 a model has seen the game; above 4.75 it has learned nothing."""
    played = trained["metrics"]["played"]
    assert 4.4 <= played["mae"] <= 4.75
    assert played["ci95"][0] < played["mae"] < played["ci95"][1]
    assert played["n"] > 5_000
    assert trained["val_from"] <= played["date_from"] <= played["date_to"] <= trained["val_to"]


def test_intervals_of_80_percent_hold_78_to_82_on_later_dates_in_every_tier(trained: dict[str, Any]) -> None:
    """A tier of a few hundred rows may miss by chance: what its own figures allow for is granted."""
    assert 0.78 <= trained["metrics"]["played"]["interval_80_coverage"] <= 0.82
    for name, row in trained["tiers"].items():
        allowed = 1.96 * (0.8 * 0.2 / row["n"]) ** 0.5
        assert 0.78 - allowed <= row["interval_80_coverage"] <= 0.82 + allowed, name


@pytest.mark.parametrize("population", ["played", "rotation", "lined"])
def test_the_model_beats_both_averages_on_the_same_rows(trained: dict[str, Any], population: str) -> None:
    model = trained["metrics"][population]
    for name in ("season_average", "last_10_average"):
        average = trained["baselines"][name][population]
        assert (average["n"], average["date_from"], average["date_to"]) == (
            model["n"],
            model["date_from"],
            model["date_to"],
        )
        assert model["mae"] < average["mae"]


def test_rotation_players_are_harder_and_lined_rows_are_not_beaten_by_far(trained: dict[str, Any]) -> None:
    figures = trained["metrics"]
    assert figures["rotation"]["n"] < figures["played"]["n"]
    assert 4.75 <= figures["rotation"]["mae"] <= 5.15
    line = trained["line"]["lined"]
    assert line["n"] == figures["lined"]["n"]
    assert 4.9 <= line["mae"] <= 5.3
    assert figures["lined"]["mae"] > line["mae"] - 0.3, "better than the books by more is a leak"
