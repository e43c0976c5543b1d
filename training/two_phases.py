"""Training in two phases: now, on what is built, and again by itself when the feature table is nearly complete."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from contracts.errors import UnavailableError
from contracts.home import Home
from contracts.locks import file_lock
from contracts.settings import Settings
from features.feature_sets import load_feature_set
from features.table.status import Status, StatusReader, stale_dates
from training.kept_runs import KeptRun, find_runs, read_run, tag_run
from training.train import Progress, TrainRequest, TrainResult, train

WAITING = "waiting"
TURN_SECONDS = 3600.0
"""How long to wait for another process that trains the second phase of the same request."""


@dataclass(frozen=True)
class Waiting:
    """How far the feature table is, and how far it must be: shares of the expected dates, over all builders, 0-1.

    `why` says in words what is missing or who is at it.
    """

    share: float
    needed: float
    why: str


@dataclass(frozen=True)
class TwoPhases:
    """What came of it: `last` is the training that counts.

    `first` is the run before it, None where the feature table was complete at once; `share` is what was built then.
    """

    first: KeptRun | None
    last: TrainResult
    share: float

    def to_json(self) -> dict[str, Any]:
        """The plain values of the last training, and who came before it."""
        first = None
        if self.first is not None:
            version = self.first.tags.get("model_version")
            first = {"run_id": self.first.run_id, "model_version": int(version) if version else None}
        return self.last.to_json() | {"first_phase": first, "complete_share": round(self.share, 6)}


def train_in_two_phases(
    engine: sa.Engine,
    home: Home,
    settings: Settings,
    request: TrainRequest,
    *,
    progress: Progress = lambda step: None,
    first_done: Callable[[KeptRun], None] = lambda run: None,
    waiting: Callable[[Waiting], None] = lambda seen: None,
) -> TwoPhases:
    """Train now and, unless `training.again_share` of the feature table is built, once more as soon as it is.

    Both are registered as `train` does it, and say in their tags which phase they are and who the other is; the second
    run is nested in the first. `first_done` is told of the first run, `waiting` of each look (again_poll_seconds apart)
    at the feature table. A first phase of the same request that still waits is taken up: whoever was interrupted runs
    the same again. Of several that wait for one first phase, one trains the second; the others get an UnavailableError
    that names its run. Raises what `train` does, too.
    """
    reader = StatusReader(engine, settings, load_feature_set(request.feature_set))
    key = _key(settings, request)
    first = next(iter(find_runs(home, {"request": key, "second_phase": WAITING}, status="FINISHED")), None)
    if first is None:
        share = reader.read().share
        if share >= settings.training.again_share:
            return TwoPhases(None, train(engine, home, settings, request, progress, tags={"phase": "only"}), share)
        tags = {"phase": "first", "second_phase": WAITING, "request": key, "complete_share": f"{share:.4f}"}
        made = train(engine, home, settings, request, progress, tags=tags)
        first = read_run(home, made.run_id)
    first_done(first)
    share = _wait(engine, settings, request, reader, waiting)
    with file_lock(home.root / f"second-phase-{key[:16]}.lock", TURN_SECONDS):
        _refuse_done(read_run(home, first.run_id))
        tags = {
            "phase": "second",
            "complete_share": f"{share:.4f}",
            "first_phase_run": first.run_id,
            "first_phase_version": first.tags.get("model_version", "not registered"),
        }
        last = train(engine, home, settings, request, progress, tags=tags, parent_id=first.run_id)
        tag_run(home, first.run_id, {"second_phase": last.run_id})
    return TwoPhases(first, last, share)


def look(status: Status, needed: float) -> Waiting:
    """What is there to wait for."""
    if status.running is not None:
        why = f"build {status.running.build_id} is under way"
    elif status.failed is not None:
        why = f"build {status.failed.build_id} was not finished; `tipoff features backfill` goes on with it"
    else:
        why = "nobody is building; `tipoff features backfill` does"
    return Waiting(status.share, needed, why)


def _wait(
    engine: sa.Engine,
    settings: Settings,
    request: TrainRequest,
    reader: StatusReader,
    waiting: Callable[[Waiting], None],
) -> float:
    """The share that is built, once that is enough, the newest build is finished and nothing of it is stale."""
    needed, feature_set = settings.training.again_share, load_feature_set(request.feature_set)
    while True:
        status = reader.read()
        settled = status.running is None and status.failed is None  # else the newest finished build lacks rows
        if status.share >= needed and settled and not stale_dates(engine, feature_set, settings):
            return status.share
        waiting(look(status, needed))
        time.sleep(settings.training.again_poll_seconds)


def _key(settings: Settings, request: TrainRequest) -> str:
    """SHA-256 (hex) over what is trained: two requests with the same are one."""
    what = request, load_feature_set(request.feature_set).hash, settings.training.target
    return hashlib.sha256(repr((what, settings.training.window_days)).encode()).hexdigest()


def _refuse_done(first: KeptRun) -> None:
    second = first.tags.get("second_phase", WAITING)
    if second != WAITING:
        raise UnavailableError(
            f"The second phase of run {first.run_id} was trained by another process meanwhile: run {second}.",
            remedy="`tipoff registry list` shows its version.",
        )
