"""docs/accuracy.md: every figure of a table is about the very same rows, and every look is named."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.accuracy_page import write_page

N = 40
OFF = {
    "season_average on v2_33features": 3.0,
    "points_line on v2_33features": 2.0,
    "ensemble on v3_68features": 1.5,
    "ensemble on v3_75features": 1.0,
}


def keep(folder: Path, label: str, point: np.ndarray, look: int) -> None:
    """What a backtest of `label` leaves: 40 player-games of 20 dates, the last ten of them with a line."""
    rows = np.arange(N)
    frame = pl.DataFrame(
        {
            "game_date": [date(2024, 1, 1) + timedelta(days=int(row // 2)) for row in rows],
            "game_id": [f"{row // 2:010d}" for row in rows],
            "player_id": rows,
            "state": ["played"] * N,
            "is_expected": [True] * N,
            "n_active_games_season": [9] * N,
            "minutes_avg_last_10_active": [30.0] * N,
            "line": [None] * (N - 10) + [10.5] * 10,
            "target": np.full(N, 10.0),
            "points_avg_last_5": np.full(N, 14.0),
            "point": pl.Series(point).fill_nan(None),
        }
    )
    place = folder / label.replace(" ", "_")
    frame.write_parquet(place.with_suffix(".parquet"))
    system, _, feature_set = label.partition(" on ")
    said = {"label": label, "system": system, "feature_set": feature_set, "test_season": "2023-24"}
    place.with_suffix(".json").write_text(json.dumps(said | {"looks": look, "folds": [{}] * 9, "seconds": 60.0}))


@pytest.fixture
def page(tmp_path: Path) -> str:
    for look, (label, off) in enumerate(OFF.items(), start=1):
        point = np.full(N, 10.0 + off)
        if label.startswith("points_line"):
            point[:-10] = np.nan
        if label == "ensemble on v3_75features":
            point[0] = np.nan
        keep(tmp_path, label, point, look)
    write_page(tmp_path / "page.md", tmp_path)
    return (tmp_path / "page.md").read_text()


def test_a_row_that_one_system_could_not_predict_counts_for_none(page: str) -> None:
    assert "## played: 39 rows" in page
    assert "## played without a line: 29 rows" in page


def test_the_line_stands_only_among_rows_that_all_have_one(page: str) -> None:
    played, _, rest = page.partition("## played: ")[2].partition("## lined: 10 rows")
    assert "points_line" not in played
    assert "| points_line | v2_33features | 2.000 | 2.000..2.000 | 2.000 (2.000..2.000) |  |" in rest


def test_gains_are_differences_on_the_same_rows_and_the_best_comes_first(page: str) -> None:
    lines = [line for line in page.partition("## played: ")[2].splitlines() if line.startswith("| ")][1:4]
    assert [line.split(" | ")[2] for line in lines] == ["1.000", "1.500", "3.000"]
    assert lines[0].endswith("| 3.000 (3.000..3.000) |")


def test_what_was_wanted_stands_beside_what_was_reached(page: str) -> None:
    assert "| played | with injury lists | 4.455 | 1.000 | ensemble on v3_75features |" in page
    assert "| lined | no worse than the line | 2.000 | 1.000 | ensemble on v3_75features |" in page


def test_every_look_is_named_in_its_order(page: str) -> None:
    assert "counted 4 looks at 2023-24" in page
    looks = [line for line in page.splitlines() if "`tipoff backtest --system" in line]
    assert [int(line.split("|")[1]) for line in looks] == [1, 2, 3, 4]


def test_the_share_above_the_lowest_error_stands_beside_it_with_its_interval(tmp_path: Path) -> None:
    for look, label in enumerate(OFF, start=1):
        keep(tmp_path, label, np.full(N, 11.0), look)
    lowest = {"lowest": 4.4, "above": 0.0155, "ci95": [0.011, 0.02]}
    row = {"n": 25000, "mae": 4.468, "ci95": [4.4, 4.5], "average": 4.7, "line": None}
    row |= {"lists": lowest, "lines": lowest, "lineup": lowest | {"lowest": 4.3}}
    entries = {"ensemble on v3_74features": {"played": row}}
    told = {"n_seasons": 5, "seed": 7, "replays": 400, "entries": entries}
    (tmp_path / "simulated.json").write_text(json.dumps(told))
    write_page(tmp_path / "page.md", tmp_path)
    above = "1.6 % (1.1..2.0)"
    cells = ["25,000", "4.468", "4.400..4.500", "4.400", above, "4.400", above, "4.300", above, "4.700"]
    assert f"| ensemble on v3_74features | played | {' | '.join(cells)} |  |" in (tmp_path / "page.md").read_text()
