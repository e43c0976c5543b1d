"""The ensemble in the simulated league, whose lowest error is known: how much of what can be known it knows."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.seasons import simulated_database
from contracts.database import open_database
from contracts.home import Home
from contracts.settings import load_settings
from features.feature_sets import load_feature_set
from features.sources.league.oracle import Knowledge
from features.sources.simulated import oracle_mae
from features.table.backfill import backfill
from training.backtest import backtest
from training.backtest_steps import BacktestRequest
from training.walk_forward import Retrain

N_SEASONS, SEED, LAST = 5, 7, 2026
SYSTEM, SET = "ensemble", "v3_75features"


def measure_simulated() -> dict[str, Any]:
    """Trained once on all seasons but the last: population -> {n, mae, ci95, lineup, lines, lists, ...} on the last.

    lineup, lines and lists are the lowest errors that anybody can reach, by what he knows of the lineup.
    The ledger of looks is that of a database that is thrown away: this league has no season to keep unseen.
    """
    with TemporaryDirectory() as place:
        path = Path(place) / "tipoff.db"
        simulated_database(path, N_SEASONS)
        engine, settings = open_database(f"sqlite:///{path}"), load_settings()
        backfill(engine, load_feature_set(SET), settings)
        home = Home(path.parent, f"sqlite:///{path}", f"sqlite:///{path.with_name('mlflow.db')}")
        request = BacktestRequest(SYSTEM, SET, "played", LAST, Retrain.NONE, log=False)
        result = backtest(engine, home, settings, request)
        engine.dispose()
    first = LAST + 1 - N_SEASONS
    lowest = {each.value: oracle_mae(N_SEASONS, SEED, first_season=first, knowledge=each) for each in Knowledge}
    figures = {
        name: {"n": row["n"], "mae": row["mae"], "ci95": row["ci95"]}
        | {each: errors[name].mae for each, errors in lowest.items()}
        | {"average": row["baselines"]["season_average"], "line": row.get("line_mae")}
        for name, row in result.populations.items()
        if name in lowest[Knowledge.LINEUP]
    }
    return {"system": SYSTEM, "feature_set": SET, "n_seasons": N_SEASONS, "seed": SEED, "populations": figures}
