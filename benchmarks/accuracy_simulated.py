"""Systems in the simulated league, whose lowest error is known: how much of what can be known they know."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from benchmarks.seasons import simulated_database
from contracts.database import open_database
from contracts.home import Home
from contracts.metrics import interval_by_date
from contracts.populations import population
from contracts.settings import load_settings
from features.feature_sets import load_feature_set
from features.sources.league.oracle import Knowledge, realized
from features.sources.simulated import oracle_medians
from features.table.backfill import backfill
from training.backtest import BacktestResult, backtest
from training.backtest_steps import BacktestRequest
from training.walk_forward import Retrain

N_SEASONS, LAST, REPLAYS = 5, 2026, 400
SEED = 8
"""Not that of the league in which features were chosen for such leagues (7, docs/feature_sets.md)."""
ENTRIES = (("ensemble", "v3_74features"), ("ensemble", "v3_75features"), ("xgboost", "v3_78features"))
"""System and feature set: no lines, the line of the night, and all that the lines say."""
POPULATIONS = ("played", "rotation", "early", "lined")


def measure_simulated() -> dict[str, Any]:
    """Trained once on all seasons but the last, held to the last: {n_seasons, seed, replays, entries}.

    entries: 'system on set' -> population -> {n, mae, ci95, average, line, and by each Knowledge {lowest, above,
    ci95}}. `lowest` is the least error that anybody can reach on the very same rows, `above` the share by which the
    system's is above it, with the interval of that share. `average` is the season average's error, None where it says
    nothing of some of these rows.
    The ledger of looks is that of a database that is thrown away: this league has no season to keep unseen.
    """
    truths = {
        knowledge: oracle_medians(N_SEASONS, SEED, LAST + 1 - N_SEASONS, replays=REPLAYS, knowledge=knowledge)
        for knowledge in Knowledge
    }
    with TemporaryDirectory() as place:
        path = Path(place) / "tipoff.db"
        simulated_database(path, N_SEASONS, SEED)
        engine, settings = open_database(f"sqlite:///{path}"), load_settings()
        home = Home(path.parent, f"sqlite:///{path}", f"sqlite:///{path.with_name('mlflow.db')}")
        entries = {}
        for system, feature_set in ENTRIES:
            backfill(engine, load_feature_set(feature_set), settings)
            request = BacktestRequest(system, feature_set, "played", LAST, Retrain.NONE, log=False)
            result = backtest(engine, home, settings, request)
            entries[f"{system} on {feature_set}"] = _held_to_truth(result, truths)
        engine.dispose()
    return {"n_seasons": N_SEASONS, "seed": SEED, "replays": REPLAYS, "entries": entries}


def _held_to_truth(result: BacktestResult, truths: dict[Knowledge, pl.DataFrame]) -> dict[str, Any]:
    """Population -> the system's error beside the least, on the rows that both know something of."""
    point = pl.Series("point", result.walked.scored.point).fill_nan(None)
    said = result.walked.frame.with_columns(point).drop_nulls("point")
    rows = {by: _with_errors(said, known) for by, known in truths.items()}
    figures = {}
    for name in POPULATIONS:
        chosen = {by: frame.filter(population(name)) for by, frame in rows.items()}
        told, own = result.populations[name], chosen[Knowledge.LINEUP]
        low, high = interval_by_date(own["own"].to_numpy(), own["game_date"].to_numpy()) or (np.nan, np.nan)
        figures[name] = {
            "n": own.height,
            "mae": own["own"].mean(),
            "ci95": (low, high),
            "average": told["baselines"]["season_average"] if told["n"] == own.height else None,
            "line": told.get("line_mae"),
        } | {by.value: _above(frame) for by, frame in chosen.items()}
    return figures


def _with_errors(said: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The rows with `own`, the system's error, and `least`, that of the true median."""
    both = said.join(known, left_on=["game_id", "player_id"], right_on=["GAME_ID", "PLAYER_ID"], validate="1:1")
    return both.with_columns(own=(pl.col("point") - pl.col("target")).abs(), least=realized(pl.col("target")))


def _above(rows: pl.DataFrame) -> dict[str, Any]:
    """{lowest, above, ci95}: the least error, and how far the system's is above it, as a share of it."""
    lowest = float(rows["least"].to_numpy().mean())
    above = (rows["own"] - rows["least"]).to_numpy() / lowest
    low, high = interval_by_date(above, rows["game_date"].to_numpy()) or (np.nan, np.nan)
    return {"lowest": lowest, "above": float(above.mean()), "ci95": (low, high)}
