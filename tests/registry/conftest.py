"""What the registry's tests share: evidence by numbers, a database, versions and a real MLflow store."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from contracts.home import Home
from contracts.settings import GateSettings
from registry.evidence import Contender, Evidence, Slice
from registry.versions import NewVersion

HASH = "a" * 64


@pytest.fixture
def settings() -> GateSettings:
    return GateSettings()


@pytest.fixture
def evidence() -> Callable[..., Evidence]:
    """Evidence over `n_dates` dates of 60 rows: the actual is a player's level plus noise, a champion that errs by
    `champion_noise` about the level and a challenger by `challenger_noise`; other fields by keyword."""

    def make(n_dates: int = 40, champion_noise: float = 3.0, challenger_noise: float = 1.0, **changes: Any) -> Evidence:
        rng = np.random.default_rng(3)
        n = n_dates * 60
        level = rng.uniform(4, 25, n)
        actual = level + rng.normal(0, 5, n)
        dates = np.repeat(np.datetime64("2024-01-01", "D") + np.arange(n_dates), 60)
        ours = level + rng.normal(0, challenger_noise, n)
        theirs = level + rng.normal(0, champion_noise, n)
        reach = 1.2816 * np.hypot(5, challenger_noise)
        known = np.repeat(np.datetime64("2023-10-01", "D") + np.arange(92), 60)
        made = Evidence(
            population="played",
            build_id=4,
            dates=dates,
            actual=actual,
            challenger=Contender(
                "version 2 (xgboost)", "xgboost", ours, "median", date(2023, 12, 31), ours - reach, ours + reach
            ),
            champion=Contender("version 1 (season_average)", "season_average", theirs, "mean", None),
            baselines={
                "season_average": level + rng.normal(0, 3, n),
                "last_10_average": level + rng.normal(0, 4, n),
            },
            line=np.where(rng.random(n) < 0.5, level + rng.normal(0, 0.5, n), np.nan),
            known_dates=np.concatenate([known, dates]),
            slices=(Slice("rotation", dates, actual, challenger=ours, champion=theirs),) if n_dates else (),
        )
        return replace(made, **changes)

    return make


@pytest.fixture(scope="session")
def mlflow_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose MLflow store is migrated once for all tests; each test uses a model name of its own."""
    from mlflow import MlflowClient

    root = tmp_path_factory.mktemp("home")
    home = Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")
    with warnings.catch_warnings():
        # MLflow's own models use a loader option that SQLAlchemy 2.1 deprecates; said once, at the first store
        warnings.filterwarnings("ignore", message=".*noload.*", category=sa.exc.SADeprecationWarning)
        client = MlflowClient(tracking_uri=home.tracking_uri, registry_uri=home.tracking_uri)
        client.create_experiment("tipoff", artifact_location=home.artifacts.as_uri())
        client.search_registered_models()
    return home


@pytest.fixture
def model_name(request: pytest.FixtureRequest) -> str:
    """A registered model of this test alone."""
    return str(request.node.name)[:60].replace("[", "-").replace("]", "")


@pytest.fixture
def new_version(mlflow_home: Home, model_name: str) -> Callable[..., NewVersion]:
    """What training would hand over: a real run, and native files in its artifacts."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=mlflow_home.tracking_uri, registry_uri=mlflow_home.tracking_uri)
    experiment = client.get_experiment_by_name("tipoff")

    def make(system: str = "xgboost", **changes: Any) -> NewVersion:
        run = client.create_run(experiment.experiment_id)
        folder = mlflow_home.artifacts / run.info.run_id / "artifacts" / "model"
        folder.mkdir(parents=True)
        (folder / "metadata.json").write_text("{}")
        client.set_terminated(run.info.run_id)
        metric = {
            "name": "mae",
            "value": 4.5,
            "n": 9000,
            "population": "played",
            "date_from": "2024-01-01",
            "date_to": "2024-04-01",
        }
        made = NewVersion(
            system=system,
            run_id=run.info.run_id,
            model_uri=folder.as_uri(),
            artifact_uri=folder.as_uri(),
            sha256="b" * 64,
            feature_set="v2_33features",
            feature_set_hash=HASH,
            build_id=4,
            target="points",
            train_from=date(2021, 10, 19),
            train_to=date(2023, 12, 31),
            metrics=[metric],
            model_name=model_name,
        )
        return replace(made, **changes)

    return make
