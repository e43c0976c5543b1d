"""The registry against a real `mlflow server` over HTTP, on SQLite and on PostgreSQL, with its outage in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import sqlalchemy as sa
from mlflow import MlflowClient

from contracts.errors import UnavailableError
from contracts.home import Home
from contracts.ports import free_port
from registry import mlflow_mirror
from registry.artifacts import fetch_artifacts
from registry.history import verify_history
from registry.promotion import promote, register, rollback
from registry.repair import repair
from registry.stages import Stage
from registry.verdict import Test, Verdict
from registry.versions import NewVersion, get_version, production, stages

if TYPE_CHECKING:
    from registry.promotion import Promotion

pytestmark = pytest.mark.slow
PASSED = Verdict.of([Test("better_than_champion", True, "MAE 4.4 against 4.6", 0.1, "> 0")])
UP_SECONDS = 240


@dataclass
class Server:
    """A real `mlflow server` that keeps its files and serves them; it can be killed and started again."""

    store: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Started, and answering."""
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        options += ["--backend-store-uri", self.store, "--artifacts-destination", str(self.folder / "artifacts")]
        environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *options],
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        deadline = time.monotonic() + UP_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, (self.folder / "server.log").read_text()[-2000:]
            time.sleep(0.3)

    def kill(self) -> None:
        """kill -9, with all its workers."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=30)
            self.process = None

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.uri}/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, new_postgres: Callable[[], str]
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp(f"server-{request.param}")
    store = f"sqlite:///{folder / 'mlflow.db'}" if request.param == "sqlite" else new_postgres()
    made = Server(store, folder, free_port())
    made.start()
    yield made
    made.kill()


class Desk:
    """The registry over that server."""

    def __init__(self, engine: sa.Engine, server: Server, root: Path, name: str) -> None:
        self.engine, self.server, self.name, self.root = engine, server, name, root
        self.home = Home(root, "", server.uri)
        self.client = MlflowClient(server.uri, server.uri)

    def new(self) -> NewVersion:
        """A run on the server with the model's files among its artifacts."""
        experiment = self.client.get_experiment_by_name(self.name)
        experiment_id = experiment.experiment_id if experiment else self.client.create_experiment(self.name)
        run = self.client.create_run(experiment_id)
        self.client.log_dict(run.info.run_id, {"made": run.info.run_id}, "model/metadata.json")
        self.client.set_terminated(run.info.run_id)
        uri = f"{run.info.artifact_uri}/model"
        about = {"feature_set": "v2_33features", "feature_set_hash": "a" * 64, "build_id": 4, "target": "points"}
        about |= {"train_from": None, "train_to": None, "metrics": [], "model_name": self.name}
        return NewVersion("xgboost", run.info.run_id, uri, uri, "b" * 64, **about)

    def register(self) -> int:
        return register(self.engine, self.home, self.new(), actor="ana").version

    def promote(self, version: int, during: Callable[[], None] = lambda: None) -> Promotion:
        def judge(*_: Any) -> Verdict:
            during()
            return PASSED

        return promote(self.engine, self.home, version, Stage.PRODUCTION, judge, actor="ana", model_name=self.name)

    def stages(self) -> dict[int, str]:
        return {version: str(stage) for version, stage in stages(self.engine, self.name).items()}

    def aliases(self) -> dict[str, int]:
        found = self.client.get_registered_model(self.name).aliases
        return {alias: int(version) for alias, version in found.items()}


@pytest.fixture
def desk(engine: sa.Engine, server: Server, tmp_path: Path, model_name: str) -> Iterator[Desk]:
    yield Desk(engine, server, tmp_path, model_name)
    if server.process is None:
        server.start()


def test_everything_holds_over_http(desk: Desk, tmp_path: Path) -> None:
    first, second = desk.register(), desk.register()
    desk.promote(first)
    outcome = desk.promote(second)
    assert (outcome.promoted, outcome.warning, outcome.hand_moved) == (True, None, ())
    assert desk.aliases() == {"production": second, "previous": first}
    page = desk.client.get_model_version(desk.name, str(second))
    assert page.current_stage == "Production"
    assert "this version answers" in page.description
    kept = desk.client.download_artifacts(page.run_id, page.tags["tipoff.verdict_artifact"], str(tmp_path))
    assert '"passed": true' in Path(kept).read_text()
    rollback(desk.engine, desk.home, reason="it drifts", actor="ana", model_name=desk.name)
    assert desk.aliases() == {"production": first}
    assert repair(desk.engine, desk.home, dry_run=True, model_name=desk.name) == []
    version = get_version(desk.engine, second, desk.name)
    folder = fetch_artifacts(desk.home, version.artifact_uri, tmp_path / "models" / "x")
    assert [path.name for path in folder.iterdir()] == ["metadata.json"]
    head = mlflow_mirror.history_head(desk.home, desk.name)
    assert verify_history(desk.engine, head) == []


def test_an_outage_while_a_version_is_judged_keeps_the_decision_and_repair_shows_it_later(desk: Desk) -> None:
    first, second = desk.register(), desk.register()
    desk.promote(first)
    before = time.monotonic()
    outcome = desk.promote(second, during=desk.server.kill)
    assert time.monotonic() - before < 90, "nobody waits for minutes"
    assert outcome.promoted
    assert outcome.warning is not None
    assert "The decision is kept, but MLflow does not show it yet" in outcome.warning
    assert "tipoff registry repair" in outcome.warning
    assert desk.stages() == {first: "Archived", second: "Production"}
    back = rollback(
        desk.engine, desk.home, reason="MLflow is away, the way back is not", actor="ana", model_name=desk.name
    )
    assert back.version == first
    with pytest.raises(UnavailableError, match=r"MLflow at http://127\.0\.0\.1:\d+ does not do it"):
        repair(desk.engine, desk.home, model_name=desk.name)
    desk.server.start()
    assert desk.aliases() == {"production": first}, "MLflow knows of nothing since"
    assert repair(desk.engine, desk.home, model_name=desk.name) != []
    assert desk.aliases() == {"production": first}
    assert repair(desk.engine, desk.home, dry_run=True, model_name=desk.name) == []


def test_an_outage_in_the_middle_of_what_mlflow_shows_is_found_and_mended(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = desk.register(), desk.register()
    desk.promote(first)
    shown: list[Any] = []
    real = mlflow_mirror._apply_one

    def until_the_third(client: MlflowClient, name: str, change: Any) -> None:
        shown.append(change)
        if len(shown) == 3:
            desk.server.kill()
        real(client, name, change)

    monkeypatch.setattr(mlflow_mirror, "_apply_one", until_the_third)
    outcome = desk.promote(second)
    assert outcome.promoted
    assert outcome.warning is not None
    monkeypatch.undo()
    live = production(desk.engine, desk.name)
    assert live is not None
    assert live.version == second
    desk.server.start()
    found = repair(desk.engine, desk.home, dry_run=True, model_name=desk.name)
    assert found, "the rest is found"
    repair(desk.engine, desk.home, model_name=desk.name)
    assert desk.aliases() == {"production": second, "previous": first}
    assert verify_history(desk.engine) == []


def test_a_registration_during_an_outage_is_a_clear_error_and_leaves_nothing(desk: Desk) -> None:
    new = desk.new()
    before = desk.register()
    desk.server.kill()
    with pytest.raises(UnavailableError, match="does not do it") as raised:
        register(desk.engine, desk.home, replace(new), actor="ana")
    assert "MLFLOW_TRACKING_URI" in str(raised.value.remedy)
    assert desk.stages() == {before: "None"}
    desk.server.start()
    assert register(desk.engine, desk.home, new, actor="ana").version == before + 1
