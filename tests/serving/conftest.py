"""What the service's tests share: a small invented league, its feature table, real models and a real history."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa

from contracts import clock
from contracts.database import open_database, writing
from contracts.feature_set import FeatureSet
from contracts.home import REGISTERED_MODEL, Home
from contracts.model_metadata import ModelMetadata
from contracts.ports import free_port
from contracts.tables import model_versions
from features.feature_sets import load_feature_set
from features.raw.ingest import ingest
from features.sources.files import Source
from features.sources.simulated import league_sources
from features.table.rows import read_rows
from registry.chain import append
from registry.stages import Stage
from registry.versions import ModelVersion, get_version, list_versions, production
from serving.live import LiveModel, load_live
from systems.base import Rows
from systems.catalog import create_system
from systems.model import Model, make_golden_rows, save_model
from systems.residuals import fit_residuals
from systems.versions import library_versions

PROJECT = Path(__file__).resolve().parents[2]
QUICK: dict[str, dict[str, Any]] = {
    "xgboost": {"n_estimators": 20, "learning_rate": 0.2, "nthread": 1},
    "catboost": {"iterations": 20, "depth": 4, "learning_rate": 0.2},
    "similarity": {"n_neighbours": 50},
    "perceptron": {"n_networks": 2, "n_hidden": 8, "epochs": 5},
}
LAUNCH = (
    "import sys; from contracts.home import find_home; from contracts.settings import load_settings; "
    "from serving.launch import serve; sys.exit(serve(find_home(), load_settings(), int(sys.argv[1])))"
)


@dataclass
class World:
    """A home with a built feature table; `register` and `promote` write what the registry would."""

    home: Home
    engine: sa.Engine
    feature_set: FeatureSet

    def rows(self) -> pl.DataFrame:
        """The current build's feature table."""
        return read_rows(self.engine, self.feature_set)

    def slate(self) -> pl.DataFrame:
        """The expected rows of the latest date on which somebody has a line."""
        lined = self.rows().filter(pl.col("is_expected") & pl.col("line").is_not_null())
        return self.rows().filter(pl.col("is_expected") & (pl.col("game_date") == lined["game_date"].max()))

    def register(
        self,
        system: str,
        *,
        target: str = "points",
        seed: int = 7,
        edit: Callable[[ModelMetadata], ModelMetadata] = lambda metadata: metadata,
        **changes: object,
    ) -> ModelVersion:
        """A trained model of `system`, its folder in the artifacts, registered in stage None as the next version.

        `edit` changes what the model says of itself before it is saved.
        """
        model, train_to = train(self.rows(), self.feature_set, system, target, seed)
        model = replace(model, metadata=edit(model.metadata))
        with self.engine.connect() as connection:
            version = (connection.scalar(sa.select(sa.func.max(model_versions.c.version))) or 0) + 1
        folder = self.home.artifacts / str(version)
        sha256 = save_model(model, folder)
        values = {
            "model_name": REGISTERED_MODEL,
            "version": version,
            "system": system,
            "run_id": f"run{version}",
            "artifact_uri": folder.as_uri(),
            "sha256": sha256,
            "feature_set": self.feature_set.name,
            "feature_set_hash": self.feature_set.hash,
            "build_id": 1,
            "target": target,
            "train_from": self.rows()["game_date"].min(),
            "train_to": train_to,
            "metrics": [],
            "registered_at": clock.now(),
        }
        with writing(self.engine) as connection:
            connection.execute(sa.insert(model_versions).values(values | changes))
            self._move(connection, version, "register", Stage.NONE, Stage.NONE, str((values | changes)["sha256"]))
        return get_version(self.engine, version)

    def versions(self) -> list[ModelVersion]:
        """All that are registered, oldest first."""
        return list_versions(self.engine)

    def move(self, version: ModelVersion, to: Stage, *, leaving: ModelVersion | None = None) -> None:
        """A row of history that moves `version` to a stage, and archives `leaving` in the same decision."""
        with writing(self.engine) as connection:
            if leaving is not None:
                sha256 = leaving.sha256
                self._move(connection, leaving.version, "archive", Stage.PRODUCTION, Stage.ARCHIVED, sha256)
            self._move(connection, version.version, "promote", Stage.STAGING, to, version.sha256)

    def live(self, system: str = "season_average", stage: Stage = Stage.PRODUCTION, **changes: object) -> LiveModel:
        """A registered and verified model."""
        return load_live(self.register(system, **changes), stage, self.home)

    def correct_a_score(self, days_back: int) -> date:
        """Corrects one player's free throws on the played date `days_back` dates before the last; returns that date."""
        logs = league_sources(1, 7, n_teams=4, regular_games=20)["game-logs"].frame
        day = sorted(logs["GAME_DATE"].unique())[-1 - days_back]
        row = logs.filter((pl.col("GAME_DATE") == day) & (pl.col("MIN") > 0))[:1]
        row = row.with_columns(pl.col("PTS", "FTM", "FTA") + 1)
        report = ingest(self.engine, "game-logs", [Source("corrected.csv", row, "0" * 64)], self.home.rejects)
        assert report.changed == 1
        found: date = row["GAME_DATE"].cast(pl.String).str.to_date().item()
        return found

    def _move(
        self, connection: sa.Connection, version: int, action: str, from_stage: Stage, to_stage: Stage, sha256: str
    ) -> None:
        append(
            connection,
            model_name=REGISTERED_MODEL,
            version=version,
            action=action,
            from_stage=from_stage,
            to_stage=to_stage,
            sha256=sha256,
            actor="test",
        )


@dataclass
class Service:
    """A running service, a client with its token, and how it answered before anything was in Production."""

    world: Any
    client: httpx.Client
    process: subprocess.Popen[bytes]
    before: dict[str, httpx.Response] = field(default_factory=dict)

    def predict(self, rows: list[dict[str, Any]], **more: Any) -> httpx.Response:
        return self.client.post("/predict", json={"rows": rows, **more})

    def worker(self) -> int:
        """The process that answers: of all that came from ours the one that BentoML calls a worker."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                is_worker = "_bentoml_impl.worker.service" in (folder / "cmdline").read_text()
            except OSError:
                continue
            if is_worker and self.process.pid in _ancestors(int(folder.name)):
                return int(folder.name)
        raise AssertionError("no worker")

    def worker_mb(self) -> float:
        """What the worker holds of the machine's memory."""
        pages = int(Path(f"/proc/{self.worker()}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def log(self) -> str:
        return (self.world.home.root / "service.log").read_text()

    def promote(self, system: str, **changes: Any) -> Any:
        version = self.world.register(system, **changes)
        self.world.move(version, Stage.PRODUCTION, leaving=production(self.world.engine))
        return version

    def wait_for(self, path: str, status: int, seconds: float = 60.0) -> httpx.Response:
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = self.client.get(path)
                if answer.status_code == status:
                    return answer
            except httpx.TransportError:
                answer = None
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, answer and answer.text
            time.sleep(0.05)


@pytest.fixture(scope="session")
def make_world() -> Callable[[Path, Path], World]:
    """make_world(database, root) -> a world over a copy of the database file, in a fresh home at `root`."""

    def make(database: Path, root: Path) -> World:
        root.mkdir(parents=True)
        shutil.copy(database, root / "tipoff.db")
        home = Home(root, f"sqlite:///{root / 'tipoff.db'}", f"sqlite:///{root / 'mlflow.db'}")
        return World(home, open_database(home.database_url), load_feature_set("v2_33features"))

    return make


@pytest.fixture(scope="session")
def open_world(built: Path, make_world: Callable[[Path, Path], World]) -> Callable[[Path], World]:
    """A world of one's own, of the league of four teams, at the path given."""
    return lambda root: make_world(built, root)


@pytest.fixture
def world(open_world: Callable[[Path], World], tmp_path: Path) -> Iterator[World]:
    """A world for one test."""
    made = open_world(tmp_path / "home")
    yield made
    made.engine.dispose()


@pytest.fixture(scope="session")
def start_service() -> Callable[..., AbstractContextManager[Service]]:
    """start_service(world, **environment) -> the service as `tipoff serve` starts it, alive; stopped afterwards."""

    @contextmanager
    def start(world: World, **environment: str) -> Iterator[Service]:
        port = free_port()
        own = {"TIPOFF_HOME": str(world.home.root), "PYTHONPATH": str(PROJECT)}
        token = environment.get("TIPOFF_API_TOKEN")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with (world.home.root / "service.log").open("w") as said:
            process = subprocess.Popen(
                [sys.executable, "-c", LAUNCH, str(port)],
                env={**os.environ, **own, **environment},
                cwd=world.home.root,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
                running = Service(world, client, process)
                try:
                    running.wait_for("/livez", 200)
                    yield running
                finally:
                    process.send_signal(signal.SIGTERM)
                    process.wait(timeout=60)
        assert process.returncode == 0, "a stop by signal is a proper end"

    return start


def _ancestors(pid: int) -> list[int]:
    found: list[int] = []
    while pid > 1:
        found.append(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return found


def train(
    rows: pl.DataFrame, feature_set: FeatureSet, system_name: str, target: str, seed: int
) -> tuple[Model, date | None]:
    """A small model of `system_name` over the played rows, with real residuals and golden rows, and its train_to."""
    played = rows.filter((pl.col("state") == "played") & pl.col("points_avg_season").is_not_null())
    system = create_system(system_name, parameters=QUICK.get(system_name, {}))
    columns = system.choose_features(feature_set.names, target)
    matrix = played.select(pl.col(columns).cast(pl.Float64).fill_null(np.nan)).to_numpy()
    data = Rows(matrix, played[target].to_numpy().astype(float), played["game_date"].to_numpy())
    half = len(data) // 2
    blocks = [
        Rows(data.matrix[part], data.target[part], data.dates[part]) for part in (slice(0, half), slice(half, None))
    ]
    system.fit(blocks[0], blocks[1], features=columns, target=target, seed=seed)
    system.set_threads(1)
    residuals = fit_residuals(blocks[1].target, system.predict(blocks[1].matrix))
    last: date = played["game_date"].max()  # type: ignore[assignment]
    metadata = ModelMetadata(
        model_id=f"{system_name}-{seed}",
        system=system_name,
        target=target,
        estimates=system.estimates,
        feature_set=feature_set.name,
        feature_set_hash=feature_set.hash,
        build_id=1,
        features=system.features_used,
        absent_features=[],
        training_samples=half,
        population="played",
        train_from=None,
        train_to=last.isoformat() if system.learns else None,
        tune_from=None,
        tune_to=None,
        hyperparameters=system.hyperparameters,
        seed=seed,
        library_versions=library_versions(system.libraries),
        git_commit=None,
        dataset_sha256="0" * 64,
        results={},
        bands=residuals.edges.tolist(),
        residual_quantiles=residuals.quantiles.tolist(),
        residual_growth=residuals.growth,
        golden_rows=make_golden_rows(system.features_used, blocks[1].matrix, system.predict(blocks[1].matrix)),
        created_at=clock.now().isoformat(),
    )
    return Model(system, metadata), last if system.learns else None
