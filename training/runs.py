"""The adapter to MLflow's runs: the experiment, one run with all that it must say, and the model beside it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
from mlflow.entities import Dataset as DatasetEntity
from mlflow.entities import DatasetInput, InputTag, LifecycleStage, LoggedModelInput, Param, RunStatus, RunTag
from mlflow.entities import Metric as MetricEntity
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.tracking import MlflowClient
from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS, MLFLOW_PARENT_RUN_ID

from contracts.clock import now
from contracts.database import sqlite_path
from contracts.errors import TipoffError, UnavailableError, UsageError
from contracts.home import EXPERIMENT_NAME, Home
from contracts.locks import file_lock
from registry.mlflow_client import shown
from training.open_runs import end_broken_off, noted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from training.dataset import Dataset

MODEL_TRAINING = {"mlflow.experimentKind": "custom_model_development"}
"""Says what the experiment is for; MLflow 3 takes GenAI for granted where nothing is said."""

STORE_SECONDS = 120.0
"""How long to wait for another process that makes the tables of MLflow's embedded store."""

PLOT_DPI = 120

DIGEST_LENGTH = 36
"""As long as MLflow lets a dataset's digest be; the whole hash stands in the dataset's source and in a tag."""


@dataclass(frozen=True)
class Run:
    """A run that is open; everything is written at once, so that the UI shows it while the training goes on."""

    client: MlflowClient
    run_id: str

    def say(
        self,
        *,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        model_id: str | None = None,
        description: str | None = None,
    ) -> None:
        """Add to what the run says of itself, `metrics` also to the logged model `model_id`; a None is left out."""
        told = dict(tags or {}) | ({"mlflow.note.content": description} if description is not None else {})
        at = int(now().timestamp() * 1000)
        self.client.log_batch(
            self.run_id,
            metrics=[
                MetricEntity(name, float(value), at, 0, model_id=model_id, run_id=self.run_id)
                for name, value in (metrics or {}).items()
            ],
            params=[Param(name, str(value)) for name, value in (params or {}).items() if value is not None],
            tags=[RunTag(name, str(value)) for name, value in told.items() if value is not None],
        )

    def curve(self, name: str, values: Sequence[float], *, points: int = 300) -> None:
        """A metric by step; at most about `points` of them, the last always."""
        at = int(now().timestamp() * 1000)
        steps = sorted({*range(0, len(values), max(1, len(values) // points)), len(values) - 1} - {-1})
        self.client.log_batch(self.run_id, metrics=[MetricEntity(name, values[step], at, step) for step in steps])

    def dataset(self, dataset: Dataset, context: str, source: Mapping[str, Any]) -> None:
        """Name the rows that were used, with the hash over all of them."""
        schema = {"mlflow_colspec": [{"type": "double", "name": name} for name in dataset.feature_set.names]}
        entity = DatasetEntity(
            name=f"{dataset.feature_set.name}, build {dataset.build_id}",
            digest=dataset.sha256[:DIGEST_LENGTH],
            source_type="code",
            source=json.dumps({"tags": dict(source) | {"sha256": dataset.sha256}}),
            schema=json.dumps(schema),
            profile=json.dumps({"num_rows": dataset.frame.height, "num_features": len(dataset.feature_set.names)}),
        )
        self.client.log_inputs(self.run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", context)])])

    def uses(self, model_id: str) -> None:
        """Name the logged model that this run is about."""
        self.client.log_inputs(self.run_id, models=[LoggedModelInput(model_id)])

    def figure(self, figure: Figure, name: str) -> None:
        """Keep a plot as plots/NAME.png; it is laid out here, once, and drawn once (savefig would draw it twice)."""
        if (engine := figure.get_layout_engine()) is not None:
            figure.set_dpi(PLOT_DPI)
            engine.execute(figure)
            figure.set_layout_engine("none")
        kept = {"dpi": PLOT_DPI, "pil_kwargs": {"compress_level": 3}}
        self.client.log_figure(self.run_id, figure, f"plots/{name}.png", save_kwargs=kept)

    def document(self, value: Any, name: str) -> None:
        """Keep plain values as NAME (.json)."""
        self.client.log_dict(self.run_id, value, name)

    def table(self, rows: Sequence[Mapping[str, Any]], name: str) -> None:
        """Keep rows of plain values, alike in their names, as NAME (.json); MLflow's pages show it as a table."""
        columns = list(rows[0]) if rows else []
        self.document({"columns": columns, "data": [[row[column] for column in columns] for row in rows]}, name)
        shown = [{"path": name, "type": "table"}]
        self.client.set_tag(self.run_id, MLFLOW_LOGGED_ARTIFACTS, json.dumps(shown))

    def text(self, value: str, name: str) -> None:
        """Keep a text as NAME."""
        self.client.log_text(self.run_id, value, name)

    def end(self, status: str, name: str) -> None:
        """End a run that `start_nested` opened as FINISHED, FAILED or KILLED, and call it `name` from now on."""
        self.client.update_run(self.run_id, name=name)
        self.client.set_terminated(self.run_id, status)


def ensure_experiment(home: Home) -> str:
    """The id of the experiment `tipoff`, made if it is not there, with its artifacts under the home.

    On an MLflow server the server says where artifacts lie. Raises UnavailableError where the store does not answer,
    UsageError where somebody deleted the experiment.
    """
    with _translated(home), _alone(home):
        client = _client(home)
        found = client.get_experiment_by_name(EXPERIMENT_NAME)
        if found is None:
            return _create_experiment(client, home)
    if found.lifecycle_stage != LifecycleStage.ACTIVE:
        raise UsageError(
            f"The MLflow experiment {EXPERIMENT_NAME!r} of {home.tracking_uri} is deleted.",
            remedy=f"Bring it back: `mlflow experiments restore --experiment-id {found.experiment_id}`.",
        )
    return str(found.experiment_id)


@contextmanager
def open_run(home: Home, name: str, *, resumes: str | None = None, parent_id: str | None = None) -> Iterator[Run]:
    """A run called `name`, nested in `parent_id` if given, for the length of the block: FINISHED after it, FAILED where
    it raises.

    Inside `mlflow run` it is the run that MLflow made, in the experiment that MLflow chose; else the run `resumes`,
    whose process was broken off, if it is still there. Runs that a process of this home left open as it was killed are
    ended as FAILED first.
    Raises UsageError where `mlflow run` uses another store than tipoff does.
    """
    refuse_other_store(home)
    adopted = os.environ.get("MLFLOW_RUN_ID")
    with _translated(home):
        client = _client(home)
        end_broken_off(home, lambda run_id: _end_left(client, run_id))
        if adopted:  # start_run takes it from the environment; naming an experiment here would be refused
            active = mlflow.start_run()
            client.update_run(adopted, name=name)
            if resumes and _is_there(client, resumes):
                end_if_open(Run(client, adopted), resumes, "KILLED")
        elif resumes and _is_there(client, resumes):
            active = mlflow.start_run(run_id=resumes)
        else:
            active = mlflow.start_run(
                experiment_id=ensure_experiment(home), run_name=name, parent_run_id=parent_id, nested=bool(parent_id)
            )
        with noted(home, active.info.run_id, lambda: _surely_ended(client, active.info.run_id)), active:
            yield Run(client, active.info.run_id)


def start_nested(home: Home, parent_id: str, name: str) -> Run:
    """A run under the run `parent_id`, of whichever process that is; it is open until `Run.end`."""
    with _translated(home):
        client = _client(home)
        experiment = client.get_run(parent_id).info.experiment_id
        made = client.create_run(experiment, tags=resolve_tags({MLFLOW_PARENT_RUN_ID: parent_id}), run_name=name)
    return Run(client, made.info.run_id)


def end_if_open(run: Run, run_id: str, status: str) -> None:
    """End the run `run_id`, in the store of `run`, unless it has ended: its process was killed before it could."""
    if not _has_ended(run.client, run_id):
        run.client.set_terminated(run_id, status)


def refuse_other_store(home: Home) -> None:
    """Nothing, unless `mlflow run` started this process on a local store that is not tipoff's.

    Without MLFLOW_TRACKING_URI `mlflow run` makes an mlflow.db where you stand and hands that on: runs there would be
    lost to tipoff. Raises UsageError.
    """
    given, own = sqlite_path_of(home.tracking_uri), sqlite_path_of(home.embedded_tracking_uri)
    is_server = "://" in home.tracking_uri and given is None and not home.tracking_uri.startswith("file:")
    chosen = os.environ.get("MLFLOW_EXPERIMENT_NAME") == EXPERIMENT_NAME
    if not os.environ.get("MLFLOW_RUN_ID") or is_server or chosen or (given is not None and given == own):
        return
    raise UsageError(
        f"`mlflow run` keeps its runs in {home.tracking_uri}, tipoff in {home.embedded_tracking_uri}.",
        remedy='Run `eval "$(tipoff env)"` first, then `mlflow run` again.',
    )


def _is_there(client: MlflowClient, run_id: str) -> bool:
    """Whether the run is there, and nobody deleted it."""
    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == LifecycleStage.ACTIVE)
    except MlflowException:
        return False


def sqlite_path_of(tracking_uri: str) -> Path | None:
    """The file behind a tracking address, or None where it is not one of SQLite."""
    return sqlite_path(tracking_uri) if tracking_uri.startswith("sqlite:") else None


def _has_ended(client: MlflowClient, run_id: str) -> bool:
    return bool(RunStatus.is_terminated(RunStatus.from_string(client.get_run(run_id).info.status)))


def _surely_ended(client: MlflowClient, run_id: str) -> bool:
    """False too where the store does not answer: what it kept is not known then."""
    try:
        return _has_ended(client, run_id)
    except (MlflowException, OSError):
        return False


def _end_left(client: MlflowClient, run_id: str) -> None:
    """End a run whose process is gone, unless it has ended or is in another store."""
    if _is_there(client, run_id) and not _has_ended(client, run_id):
        client.set_terminated(run_id, "FAILED")


def _create_experiment(client: MlflowClient, home: Home) -> str:
    location = None if home.tracking_uri.startswith(("http:", "https:")) else home.artifacts.as_uri()
    try:
        return str(client.create_experiment(EXPERIMENT_NAME, artifact_location=location, tags=MODEL_TRAINING))
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
        found = client.get_experiment_by_name(EXPERIMENT_NAME)  # another process was quicker
        if found is None:
            raise
        return str(found.experiment_id)


def _client(home: Home) -> MlflowClient:
    """MLflow pointed at the home's store; its notes about migrations and run addresses are not for our users."""
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    mlflow.set_tracking_uri(home.tracking_uri)
    mlflow.set_registry_uri(home.tracking_uri)
    return MlflowClient(home.tracking_uri, home.tracking_uri)


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """An embedded store is opened by one process at a time: MLflow's making of its tables does not bear two."""
    file = sqlite_path_of(home.tracking_uri)
    if file is None or not file.parent.is_dir():
        yield
        return
    with file_lock(file.with_name(f"{file.name}.lock"), STORE_SECONDS):
        yield


@contextmanager
def _translated(home: Home) -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        kind = (
            UnavailableError
            if "INTERNAL" in str(error.error_code) or "TEMPORAR" in str(error.error_code)
            else TipoffError
        )
        raise kind(
            f"MLflow at {shown(home.tracking_uri)} refused: {shown(str(error.message))}",
            remedy="Check MLFLOW_TRACKING_URI.",
        ) from error
