"""A trained model held to dates that it has not seen: the rows it may be judged by, and what it says of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from contracts.errors import RefusedError, UsageError
from contracts.home import Home
from contracts.model_metadata import ModelMetadata
from contracts.settings import Settings
from features.feature_sets import load_feature_set
from registry.versions import get_version
from systems.model import Model
from training.dataset import Dataset, load_dataset
from training.evaluation import Evaluation, evaluate, line_of, score
from training.kept_runs import KeptRun, model_of, read_run
from training.splits import Mask, Span
from training.yardsticks import baselines_after, line_after


@dataclass(frozen=True)
class Subject:
    """The model that is judged: who it is, the run that trained it, and the version it is registered as, if it is."""

    model: Model
    run: KeptRun
    version: int | None

    @property
    def title(self) -> str:
        """'version 3 (xgboost)' or 'run 0a1b2c3d (xgboost)'."""
        name = f"version {self.version}" if self.version is not None else f"run {self.run.run_id[:8]}"
        return f"{name} ({self.model.metadata.system})"


@dataclass(frozen=True)
class Held:
    """The rows of the dates from `span.first` to `span.last` that a model was judged by, and its figures on them.

    `asked` marks those rows in `dataset` (which ends with them), (n,); `n_left_out` rows between the first date that
    was asked for and `span.first` were seen in training.
    """

    dataset: Dataset
    asked: Mask
    span: Span
    n_left_out: int
    evaluation: Evaluation


@contextmanager
def find_subject(engine: sa.Engine, home: Home, *, version: int | None, run_id: str | None) -> Iterator[Subject]:
    """The model of a registered version, or else of a run, proved, for the length of the block.

    Raises UsageError for an unknown version or run and for a run without a model, RefusedError where the model does
    not prove itself or its feature set is defined otherwise now, UnavailableError where its files are gone.
    """
    registered = get_version(engine, version) if version is not None else None
    run = read_run(home, registered.run_id if registered else str(run_id))
    with model_of(home, run) as model:
        said = model.metadata
        now = load_feature_set(said.feature_set)
        if now.hash != said.feature_set_hash:
            raise RefusedError(
                f"It was trained on {said.feature_set} as {said.feature_set_hash[:12]}, and this code defines that set "
                f"as {now.hash[:12]}.",
                remedy="Train again: `tipoff train`.",
            )
        yield Subject(model, run, version)


def unseen_from(metadata: ModelMetadata) -> date:
    """The first date that a model may be judged by: nothing of it, nor of the spread of its errors, was learned there.

    That is the day after all that was learned from; of a system that fits nothing, whose spread still comes from the
    dates before its validation, the first date of that.
    """
    if metadata.tune_to is not None:
        return date.fromisoformat(metadata.tune_to) + timedelta(days=1)
    return min(date.fromisoformat(row["date_from"]) for row in metadata.results["metrics"].values())


def hold(
    engine: sa.Engine,
    settings: Settings,
    model: Model,
    *,
    date_from: date | None,
    date_to: date | None,
    snapshots: Path | None = None,
) -> Held:
    """The model's figures on the rows from `date_from` to `date_to` (None: all that it has not seen) of the newest
    build, with the baselines' and the line's on the same rows.

    Raises RefusedError where `date_from` lies in what it has seen, UsageError where no row is left, and what
    `load_dataset` does.
    """
    said = model.metadata
    first = unseen_from(said)
    _refuse_seen(said, first, date_from, date_to)
    training = settings.training.model_copy(update={"target": said.target})
    dataset = load_dataset(
        engine,
        load_feature_set(said.feature_set),
        settings.model_copy(update={"training": training}),
        population=said.population,
        date_to=date_to,
        snapshots=snapshots,
    )
    start = np.datetime64(date_from or first)
    asked = dataset.dates >= start
    if not asked.any():
        raise _nothing(said, dataset, date_from or first, date_to)
    frame = dataset.frame.filter(asked)
    evaluation = evaluate(
        frame,
        score(model.predict(dataset.matrix(said.features)[asked]).point, model.residuals, line_of(frame)),
        baselines=baselines_after(dataset, dataset.feature_set.names, ~asked & dataset.in_population, asked),
        line=line_after(dataset, ~asked & dataset.in_population, asked),
        target=said.target,
        build_id=dataset.build_id,
    )
    if not evaluation.metrics:
        raise _nothing(said, dataset, date_from or first, date_to)
    days = dataset.dates[asked]
    span = Span(days.min().item(), days.max().item())
    n_left_out = 0 if date_from else int((dataset.dates < start).sum())
    return Held(dataset, asked, span, n_left_out, evaluation)


def _refuse_seen(said: ModelMetadata, first: date, date_from: date | None, date_to: date | None) -> None:
    asked = [day for day in (date_from, date_to) if day is not None]
    if len(asked) == 2 and asked[0] > asked[1]:
        raise UsageError(f"--from {asked[0]} is after --to {asked[1]}.", remedy="Spans are inclusive.")
    if any(day < first for day in asked):
        raise RefusedError(
            f"Rows before {first} were learned from, by the model or for the spread of its errors: figures on "
            f"{asked[0]} would be in-sample.",
            remedy=f"Ask for dates from {first} on, or leave --from out; `tipoff backtest` walks through earlier ones.",
        )


def _nothing(said: ModelMetadata, dataset: Dataset, first: date, date_to: date | None) -> UsageError:
    days = dataset.dates
    known = f"the rows end with {days.max()}" if len(days) else "there is no row with a result"
    return UsageError(
        f"No row from {first}{f' to {date_to}' if date_to else ' on'} can be predicted by {said.system} and the "
        f"averages; {known}.",
        remedy="Give other dates, or `tipoff ingest` later games and run `tipoff features backfill`.",
    )
