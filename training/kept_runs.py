"""Runs read back from MLflow: what one said of itself, and the model that it left."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException

from contracts.errors import UsageError
from contracts.home import EXPERIMENT_NAME, Home
from registry.artifacts import fetch_artifacts
from registry.mlflow_client import answering, resolve, shown
from systems.model import Model, load_model
from training.model_log import ARTIFACT

NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""MLflow's words for a run id that is unknown, and for one that cannot be one."""


@dataclass(frozen=True)
class KeptRun:
    """A run as MLflow keeps it; `model_id` is that of the model it left, None where it left none."""

    run_id: str
    name: str
    status: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    model_id: str | None


def read_run(home: Home, run_id: str) -> KeptRun:
    """The run `run_id` of the store in force.

    Raises UsageError where there is none, UnavailableError where MLflow does not answer.
    """
    with answering(home) as client:
        try:
            return _kept(client.get_run(run_id))
        except MlflowException as error:
            if error.error_code not in NOT_THERE:
                raise
    raise UsageError(
        f"MLflow at {shown(home.tracking_uri)} has no run {run_id!r}.",
        remedy='`tipoff registry list --json` names the run of each version; `eval "$(tipoff env)"` sets the store.',
    )


def find_runs(home: Home, tags: Mapping[str, str], *, status: str) -> list[KeptRun]:
    """The runs of tipoff's experiment that have all of `tags` and ended as `status`, newest first.

    Raises UnavailableError where MLflow does not answer.
    """
    conditions = [f"tags.`{name}` = '{value}'" for name, value in tags.items()]
    wanted = " and ".join([f"attributes.status = '{status}'", *conditions])
    with answering(home) as client:
        experiment = client.get_experiment_by_name(EXPERIMENT_NAME)
        found = client.search_runs([experiment.experiment_id], wanted) if experiment else []
        return [_kept(run) for run in found]


def tag_run(home: Home, run_id: str, tags: Mapping[str, str]) -> None:
    """Add `tags` to a run that has ended.

    Raises UnavailableError where MLflow does not answer.
    """
    with answering(home) as client:
        for name, value in tags.items():
            client.set_tag(run_id, name, value)


@contextmanager
def model_of(home: Home, run: KeptRun) -> Iterator[Model]:
    """The model that `run` left, proved, for the length of the block.

    Raises UsageError where it left none, RefusedError where it does not prove itself, UnavailableError where its files
    cannot be fetched.
    """
    if run.model_id is None:
        raise UsageError(
            f"Run {run.run_id} ({run.name}) has no model: its status is {run.status}.",
            remedy="Name the run of a training: `tipoff registry list --json` has the run of each version.",
        )
    with answering(home) as client:
        place = resolve(client, f"models:/{run.model_id}/artifacts/{ARTIFACT}")
    with tempfile.TemporaryDirectory(prefix="tipoff-") as scratch:
        folder = fetch_artifacts(home, place, Path(scratch) / ARTIFACT)
        yield load_model(folder, run.tags.get("model_sha256"))


def _kept(run: MlflowRun) -> KeptRun:
    models = run.outputs.model_outputs if run.outputs else []
    return KeptRun(
        run_id=run.info.run_id,
        name=run.info.run_name,
        status=run.info.status,
        params=run.data.params,
        tags=run.data.tags,
        metrics=run.data.metrics,
        model_id=models[0].model_id if models else None,
    )
