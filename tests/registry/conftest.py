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
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion as MlflowVersion

from contracts.home import Home
from contracts.settings import GateSettings
from registry.evidence import Contender, Evidence, Slice
from registry.history import Entry, read_history
from registry.promotion import Promotion, promote, register, rollback
from registry.stages import Stage
from registry.verdict import Test, Verdict
from registry.versions import ModelVersion, NewVersion, production, stages

HASH = "a" * 64
PASSED = Verdict.of([Test("better_than_champion", True, "MAE 4.4 against 4.6", 0.1, "> 0")])
New = Callable[..., NewVersion]


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


class Desk:
    """A registry in use: one model name on a real database and a real MLflow store."""

    def __init__(self, engine: sa.Engine, home: Home, model_name: str, new_version: New) -> None:
        self.engine, self.home, self.model_name, self.new_version = engine, home, model_name, new_version
        self.client = MlflowClient(tracking_uri=home.tracking_uri, registry_uri=home.tracking_uri)

    def register(self, system: str = "xgboost") -> int:
        return register(self.engine, self.home, self.new_version(system), actor="ana").version

    def promote(
        self, version: int, to: Stage = Stage.PRODUCTION, verdict: Verdict = PASSED, **options: object
    ) -> Promotion:
        return promote(
            self.engine,
            self.home,
            version,
            to,
            lambda challenger, champion: verdict,
            actor="ana",
            model_name=self.model_name,
            **options,  # type: ignore[arg-type]
        )

    def rollback(self, to: int | None = None, reason: str = "it drifts") -> ModelVersion:
        return rollback(self.engine, self.home, to=to, reason=reason, actor="ana", model_name=self.model_name)

    def stages(self) -> dict[int, str]:
        return {version: str(stage) for version, stage in stages(self.engine, self.model_name).items()}

    def history(self) -> list[Entry]:
        return read_history(self.engine, self.model_name)

    def aliases(self) -> dict[str, int]:
        found = self.client.get_registered_model(self.model_name).aliases
        return {alias: int(version) for alias, version in found.items()}

    def mlflow(self, version: int) -> MlflowVersion:
        return self.client.get_model_version(self.model_name, str(version))

    def pages(self) -> list[MlflowVersion]:
        """Every version as MLflow shows it."""
        return list(self.client.search_model_versions(f"name = '{self.model_name}'"))

    def live(self) -> int | None:
        found = production(self.engine, self.model_name)
        return found.version if found else None


@pytest.fixture
def desk(engine: sa.Engine, mlflow_home: Home, model_name: str, new_version: New) -> Desk:
    return Desk(engine, mlflow_home, model_name, new_version)
