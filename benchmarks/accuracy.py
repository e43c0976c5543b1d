"""`make accuracy`: every system on the same player-games of the season reported on, trained again before each month.

`python -m benchmarks.accuracy --home FOLDER [--data FOLDER] [--only LABEL ...] [--simulated] [--write]`: FOLDER becomes
a TIPOFF_HOME with the real seasons (those of --data; default TIPOFF_TEST_DATA, else ../shared/data) and the feature
sets. Each backtest is a look, counted in that home's ledger, and its predictions are kept there: asked again, they are
read, and nobody looks twice. `--only` runs some of the backtests (none, where no label follows), `--simulated` the
league whose lowest error is known, and `--write` makes docs/accuracy.md of all that is kept.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from benchmarks.accuracy_page import write_page
from benchmarks.accuracy_simulated import measure_simulated
from benchmarks.seasons import real_database
from contracts.database import open_database
from contracts.home import Home
from contracts.settings import load_settings
from features.feature_sets import load_feature_set
from features.table.backfill import backfill
from training.backtest import BacktestResult, backtest
from training.backtest_steps import BacktestRequest
from training.walk_forward import Retrain

SEASON = 2023
KEYS = ["game_id", "player_id"]


@dataclass(frozen=True)
class Entry:
    """One backtest: a system on a feature set."""

    system: str
    feature_set: str

    @property
    def label(self) -> str:
        """'ensemble on v3_75features'."""
        return f"{self.system} on {self.feature_set}"


ENTRIES = (
    Entry("ensemble", "v3_75features"),
    Entry("ensemble", "v3_68features"),
    Entry("ensemble", "v3_74features"),
    Entry("perceptron", "v3_74features"),
    Entry("xgboost", "v3_74features"),
    Entry("xgboost", "v3_78features"),
    Entry("catboost", "v3_74features"),
    Entry("similarity", "v3_74features"),
    Entry("moving_average", "v3_74features"),
    Entry("zone_matchup", "v2_33features"),
    Entry("season_average", "v2_33features"),
    Entry("last_10_average", "v2_33features"),
    Entry("points_line", "v2_33features"),
)
"""v2_33features for those that read a column of it; v3_75 and v3_68 are v3_74 and v3_67 with the books' line, v3_78 is
v3_75 with what their lines say besides."""


def main() -> None:
    """Run what is not kept yet, print its figures, write the page if asked to."""
    given = _arguments()
    given.home.mkdir(parents=True, exist_ok=True)
    home = Home(given.home, f"sqlite:///{given.home / 'tipoff.db'}", f"sqlite:///{given.home / 'mlflow.db'}")
    kept = given.home / "accuracy"
    kept.mkdir(exist_ok=True)
    engine = _database(home, given.data)
    for entry in ENTRIES:
        if given.only is None or entry.label in given.only:
            _predict(engine, home, entry, kept)
    if given.simulated:
        (kept / "simulated.json").write_text(json.dumps(measure_simulated()) + "\n")
    if given.write:
        write_page(Path(__file__).parents[1] / "docs" / "accuracy.md", kept)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TIPOFF_TEST_DATA") or "../shared/data"))
    parser.add_argument("--only", nargs="*", choices=[entry.label for entry in ENTRIES])
    parser.add_argument("--simulated", action="store_true")
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


def _database(home: Home, data: Path) -> sa.Engine:
    """The real seasons, and each set of ENTRIES built; what is there already is left as it is."""
    path = home.root / "tipoff.db"
    if not path.exists():
        real_database(path, data)
    engine, settings = open_database(home.database_url), load_settings()
    for name in dict.fromkeys(entry.feature_set for entry in ENTRIES):
        backfill(engine, load_feature_set(name), settings)
    return engine


def _predict(engine: sa.Engine, home: Home, entry: Entry, kept: Path) -> None:
    """The season's predictions of `entry` in KEPT/LABEL.parquet, with what was said of them beside it."""
    place = kept / entry.label.replace(" ", "_")
    if place.with_suffix(".json").exists():
        print(f"{entry.label}: kept")
        return
    request = BacktestRequest(entry.system, entry.feature_set, "played", SEASON, Retrain.MONTHLY, log=False)
    result = backtest(
        engine, home, load_settings(), request, lambda done, total: print(f"{entry.label}: {done}/{total}")
    )
    _rows(result).write_parquet(place.with_suffix(".parquet"))
    place.with_suffix(".json").write_text(json.dumps({"label": entry.label} | result.to_json()) + "\n")
    print(f"{entry.label}: " + ", ".join(_told(result)), flush=True)


def _rows(result: BacktestResult) -> pl.DataFrame:
    """Keys, what populations are told by, the result, and the prediction (NULL: none)."""
    walked = result.walked
    told_by = ["state", "is_expected", "n_active_games_season", "minutes_avg_last_10_active", "line"]
    extra = [name for name in ("points_avg_last_5",) if name in walked.frame.columns]
    point = pl.Series("point", walked.scored.point).fill_nan(None)
    return walked.frame.select("game_date", *KEYS, *told_by, "target", *extra).with_columns(point)


def _told(result: BacktestResult) -> Iterator[str]:
    figures: dict[str, dict[str, Any]] = result.populations
    for population, row in figures.items():
        yield f"{population} {row['mae']:.4f} ({row['n']:,})"
    yield f"look {result.looks}, {result.seconds:.0f} s"


if __name__ == "__main__":
    main()
