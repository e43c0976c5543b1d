"""`tipoff train` beside a bare fit of the same matrix and parameters, and beside the imports that nobody can avoid.

`python -m benchmarks.training --data FOLDER` builds the feature table of the real seasons in FOLDER; every part runs in
a process of its own, in turn. Beside the clock stands the processor time, of all threads: it says more where others
load the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.seasons import real_database
from contracts.database import open_database
from contracts.settings import load_settings
from features.feature_sets import load_feature_set
from features.table.backfill import backfill
from systems.narrow import to_float32
from training.steps import prepare

SYSTEMS = ("xgboost", "catboost")
IMPORTS = "import mlflow, xgboost, matplotlib"
ROUNDS = 3


def main() -> None:
    """Print one JSON object of seconds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TIPOFF_TEST_DATA") or "../shared/data"))
    parser.add_argument("--database", type=Path, help="one with a built feature table and no registered version")
    parser.add_argument("--from", dest="date_from", help="learn from this date on: a smaller matrix")
    parser.add_argument("--bare", choices=SYSTEMS, help="fit what this benchmark laid into the folder --data")
    asked = parser.parse_args()
    if asked.bare:
        print(json.dumps(_bare_fit(asked.bare, asked.data)))
        return
    with TemporaryDirectory(prefix="tipoff-bench-") as place:
        database = asked.database or _built(Path(place) / "tipoff.db", asked.data)
        print(json.dumps(measure(database, asked.date_from)))


def _built(path: Path, data: Path) -> Path:
    """The seasons in the folder `data`, with the feature table that `tipoff train` reads."""
    real_database(path, data)
    engine, settings = open_database(f"sqlite:///{path}"), load_settings()
    backfill(engine, load_feature_set(settings.training.feature_set), settings)
    engine.dispose()
    return path


def measure(database: Path, date_from: str | None = None) -> dict[str, float]:
    """Medians: fit_xgboost_s, bare_xgboost_s, ..., around_s and imports_s; the same with _cpu_s."""
    seen: dict[str, list[float]] = {}
    with TemporaryDirectory(prefix="tipoff-bench-") as place:
        home = Path(place) / "home"
        home.mkdir()
        shutil.copy(database, home / "tipoff.db")
        for system in SYSTEMS:
            _keep_matrix(home, system, date_from)
        for _ in range(ROUNDS):
            for system in SYSTEMS:
                for name, spent in _one_round(home, system, date_from).items():
                    seen.setdefault(name, []).append(spent)
    found = {name: statistics.median(values) for name, values in seen.items()}
    for name in SYSTEMS:
        ours, theirs = found[f"fit_{name}_cpu_s"], found[f"bare_{name}_cpu_s"]
        print(
            f"fit of {name} in `tipoff train` {ours:.2f} s of processor time, bare {theirs:.2f} s: {ours / theirs:.3f}"
        )
    around, imports = found["around_cpu_s"], found["imports_cpu_s"]
    print(f"all around it {around:.2f} s of processor time, `{IMPORTS}` {imports:.2f} s: {around / imports:.3f}")
    return found


def _one_round(home: Path, system: str, date_from: str | None) -> dict[str, float]:
    chosen = ["--train-from", date_from] if date_from else []
    command = [sys.executable, "-m", "tipoff", "train", "--json", "--system", system, *chosen]
    said, clock, cpu = _run(command, home)
    bare = json.loads(
        _run([sys.executable, "-m", "benchmarks.training", "--data", str(home), "--bare", system], home)[0]
    )
    _, imports, imports_cpu = _run([sys.executable, "-c", IMPORTS], home)
    fit = json.loads(said.strip().splitlines()[-1])["fit"]
    return {
        f"fit_{system}_s": fit["seconds"],
        f"fit_{system}_cpu_s": fit["cpu_seconds"],
        f"bare_{system}_s": bare["seconds"],
        f"bare_{system}_cpu_s": bare["cpu_seconds"],
        "around_s": clock - fit["seconds"],
        "around_cpu_s": cpu - fit["cpu_seconds"],
        "imports_s": imports,
        "imports_cpu_s": imports_cpu,
    }


def _run(command: list[str], home: Path) -> tuple[str, float, float]:
    """stdout, seconds on the clock, seconds of processor time."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = os.environ | {"TIPOFF_HOME": str(home)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, seconds, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _keep_matrix(home: Path, system: str, date_from: str | None) -> None:
    """What `tipoff train` fits `system` on, as plain arrays, and with which parameters."""
    settings, engine = load_settings(), open_database(f"sqlite:///{home / 'tipoff.db'}")
    training = settings.training
    dates = {"train_from": np.datetime64(date_from).item()} if date_from else {}
    prepared = prepare(engine, settings, system, training.feature_set, training.population, dates)
    engine.dispose()
    blocks = {"train": prepared.split.train, "tune": prepared.split.tune}
    arrays: dict[str, Any] = {}
    for name, block in blocks.items():
        rows = prepared.dataset.rows(prepared.features, prepared.learnable(block))
        arrays |= {f"{name}_x": to_float32(rows.matrix, prepared.features), f"{name}_y": rows.target}
    np.savez(home / f"{system}.npz", **arrays)
    told = {"seed": prepared.seed, "parameters": prepared.system.hyperparameters}
    (home / f"{system}.json").write_text(json.dumps(told))


def _bare_fit(system: str, folder: Path) -> dict[str, float]:
    """Nothing but the library: the same rows, parameters and seed."""
    told = json.loads((folder / f"{system}.json").read_text())
    with np.load(folder / f"{system}.npz") as kept:
        train_x, train_y, tune_x, tune_y = (kept[name] for name in ("train_x", "train_y", "tune_x", "tune_y"))
    values, seed = told["parameters"], told["seed"]
    fit = _bare_xgboost if system == "xgboost" else _bare_catboost
    fit(values, seed, train_x[:100], train_y[:100], tune_x[:100], tune_y[:100], rounds=1)  # what is loaded once
    clock, cpu = time.perf_counter(), time.process_time()
    fit(values, seed, train_x, train_y, tune_x, tune_y)
    return {"seconds": time.perf_counter() - clock, "cpu_seconds": time.process_time() - cpu}


def _bare_xgboost(
    values: dict[str, Any], seed: int, train_x: Any, train_y: Any, tune_x: Any, tune_y: Any, rounds: int | None = None
) -> None:
    import xgboost

    values = dict(values)
    most, patience = values.pop("n_estimators"), values.pop("early_stopping_rounds")
    xgboost.train(
        values | {"objective": "reg:absoluteerror", "eval_metric": "mae", "tree_method": "hist", "seed": seed},
        xgboost.QuantileDMatrix(train_x, train_y, max_bin=values["max_bin"]),
        num_boost_round=rounds or most,
        evals=[(xgboost.DMatrix(tune_x, tune_y), "tune")],
        early_stopping_rounds=patience,
        verbose_eval=False,
    )


def _bare_catboost(
    values: dict[str, Any], seed: int, train_x: Any, train_y: Any, tune_x: Any, tune_y: Any, rounds: int | None = None
) -> None:
    import catboost

    values = values | ({"iterations": rounds} if rounds else {})
    fixed = {"loss_function": "MAE", "bootstrap_type": "Bernoulli", "use_best_model": True, "random_seed": seed}
    model = catboost.CatBoost(values | fixed | {"allow_writing_files": False, "verbose": False})
    model.fit(catboost.Pool(train_x, train_y), eval_set=catboost.Pool(tune_x, tune_y))


if __name__ == "__main__":
    main()
