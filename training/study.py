"""The adapter to optuna: a study that any number of processes work on, none losing or repeating what another did."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from contracts.errors import RefusedError
from training.search_space import Numbers, SearchSpace
from training.study_store import WORKER, StudyStore

ABOUT, WINNER = "about", "winner"
"""Attributes of a study: what it is about, and what became of its best trial."""

ERROR, RETRY_OF = "error", "retry_of"
"""Attributes of a trial: why it failed (a failed one without was abandoned by a dead worker); whose retry it is."""

STARTUP_TRIALS = 10
"""TPE draws at random until it knows so many."""

GRACE_TRIALS = 4
"""Nothing is pruned before so many others came to the same point."""

POLL_SECONDS = 0.5


class State(StrEnum):
    """What became of a trial; one whose worker died is abandoned, and its parameters are tried once more."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"
    ABANDONED = "abandoned"


@dataclass(frozen=True)
class Record:
    """A trial as the study keeps it; `value` is the mean of `folds`, None unless complete.

    `reached` is the last value that it reported on its way, None where it reported none; `seconds` None until it ended.
    """

    number: int
    state: State
    params: dict[str, Any]
    value: float | None
    folds: list[float]
    reached: float | None
    seconds: float | None
    run_id: str | None
    error: str | None
    retry_of: int | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class TakenOver(Exception):
    """This worker was silent for so long that its trial was given to another."""


class Trial:
    """A trial that this worker claimed; made by `Study.next_trial`.

    Everything that is said of it raises TakenOver once it is another's.
    """

    def __init__(self, trial: Any, params: dict[str, Any]) -> None:
        self.number: int = trial.number
        self.params = params
        self.optuna_trial = trial

    def note(self, **notes: Any) -> None:
        """Keep plain values with the trial."""
        with _ours(self.number):
            for name, value in notes.items():
                self.optuna_trial.set_user_attr(name, value)

    def is_hopeless(self, value: float, step: int) -> bool:
        """Whether it is worse than most were at the same `step`, having reached `value` there."""
        with _ours(self.number):
            self.optuna_trial.report(value, step)
        return bool(self.optuna_trial.should_prune())


class Study:
    """A study of one system on one set of rows, found by its name by every process that works on it."""

    def __init__(self, store: StudyStore, study: Any, space: SearchSpace, *, sampler: str, seed: int) -> None:
        self.store = store
        self._study = study
        self._space = space
        self._sampler, self._seed = sampler, seed

    @property
    def records(self) -> list[Record]:
        """Every trial, in order."""
        return [_record(trial) for trial in self._study.get_trials(deepcopy=False)]

    @property
    def winner(self) -> dict[str, Any] | None:
        """What `keep_winner` kept, or None."""
        kept: dict[str, Any] | None = self._study.user_attrs.get(WINNER)
        return kept

    def keep_winner(self, **kept: Any) -> None:
        """Keep what became of the best trial."""
        self._study.set_user_attr(WINNER, kept)

    def next_trial(self, limit: int) -> Trial | None:
        """A trial for this worker, while there are less than `limit` or one waits to be tried again; else None.

        Waits while others still run: if one of their workers dies, its trial is for this one.
        """
        while True:
            with self.store.alone("claims"):
                self._bury()
                trials = self._study.get_trials(deepcopy=False)
                waiting = any(trial.state == OptunaState.WAITING for trial in trials)
                if waiting or n_used(map(_record, trials)) < limit:
                    return self._claim(len(trials))
            if not any(trial.state == OptunaState.RUNNING for trial in trials):
                return None
            time.sleep(POLL_SECONDS)

    def complete(self, trial: Trial, value: float) -> None:
        """Keep the trial's value."""
        self._tell(trial, OptunaState.COMPLETE, value)

    def prune(self, trial: Trial) -> None:
        """Keep that the trial was ended early."""
        self._tell(trial, OptunaState.PRUNED)

    def fail(self, trial: Trial, error: str) -> None:
        """Keep that the trial failed by itself; it is not tried again."""
        trial.note(**{ERROR: error})
        self._tell(trial, OptunaState.FAIL)

    def give_back(self, trial: Trial) -> None:
        """Keep that the trial was broken off: another worker tries its parameters once more."""
        self._tell(trial, OptunaState.FAIL)

    def importance(self) -> dict[str, float]:
        """Share (0-1) of each parameter in what moves the value, largest first; empty with too few complete trials.

        PED-ANOVA (Watanabe, Bansal and Hutter, 2023).
        """
        values = {record.value for record in self.records if record.state is State.COMPLETE}
        if len(values) < GRACE_TRIALS:
            return {}
        return {str(name): float(share) for name, share in optuna.importance.get_param_importances(self._study).items()}

    def _claim(self, number: int) -> Trial:
        """Alone with the claims: the oldest trial that waits, or a new one; it is this worker's when this returns."""
        self._study.sampler = _sampler(self._sampler, self._seed + number)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Heartbeat of storage")  # the store beats by itself
            trial = self._study.ask()
        storage = self.store.storage
        study_id = storage.get_study_id_from_name(self._study.study_name)
        self.store.start_work(storage.get_trial_id_from_study_id_trial_number(study_id, trial.number))
        trial.set_user_attr(WORKER, self.store.worker)
        return Trial(trial, _suggest(trial, self._space))

    def _bury(self) -> None:
        """Alone with the claims: trials of dead workers fail, and each has its parameters tried once more."""
        self.store.fail_abandoned(self._study)
        records = self.records
        retried = {record.retry_of for record in records}
        for record in records:
            if record.state is State.ABANDONED and record.retry_of is None and record.number not in retried:
                self._study.enqueue_trial(record.params, user_attrs={RETRY_OF: record.number})

    def _tell(self, trial: Trial, state: Any, value: float | None = None) -> None:
        try:
            if self.records[trial.number].state is not State.RUNNING:
                raise TakenOver(f"trial {trial.number}")
            with _ours(trial.number):
                self._study.tell(trial.optuna_trial, value, state=state)
        finally:
            self.store.stop_work()  # not before: without a sign of life the trial would be another's


def open_study(
    store: StudyStore,
    name: str,
    about: Mapping[str, Any],
    space: SearchSpace,
    *,
    first: Mapping[str, Any],
    sampler: str,
    pruning: bool,
    seed: int,
) -> Study:
    """The study `name`, made if it is not there, with `first` as the parameters of its first trial.

    The store is the study's from here on: it is closed where there is none.
    Raises RefusedError where it is about something else than `about` says (plain values), naming both.
    """
    with ExitStack() as where_it_fails:
        where_it_fails.callback(store.close)
        with store.alone("claims"):
            study = optuna.create_study(
                storage=store.storage,
                study_name=name,
                direction="minimize",
                load_if_exists=True,
                pruner=_WorseThanMost() if pruning else optuna.pruners.NopPruner(),
            )
            known = study.user_attrs.get(ABOUT)
            if known is None:
                study.enqueue_trial(dict(first))
                study.set_user_attr(ABOUT, dict(about))
            else:
                _refuse_another(name, known, about)
        where_it_fails.pop_all()
    return Study(store, study, space, sampler=sampler, seed=seed)


def n_used(records: Iterable[Record]) -> int:
    """How many trials count towards those wanted: all but the abandoned ones that are tried once more."""
    return sum(record.state is not State.ABANDONED or record.retry_of is not None for record in records)


def best_of(records: Sequence[Record]) -> Record | None:
    """The complete trial with the lowest value, the first of equals; None where none is complete."""
    complete = [record for record in records if record.value is not None]
    return min(complete, key=lambda record: (record.value, record.number)) if complete else None


@contextmanager
def _ours(number: int) -> Iterator[None]:
    try:
        yield
    except UpdateFinishedTrialError as error:
        raise TakenOver(f"trial {number}") from error


class _WorseThanMost(optuna.pruners.BasePruner):  # type: ignore[misc]  # the vendor's types are not followed
    """Ends a trial that is worse than the median of all that came to the same step."""

    def prune(self, study: Any, trial: FrozenTrial) -> bool:
        """Asked by optuna after each report."""
        step = trial.last_step
        others = [
            one.intermediate_values[step]
            for one in study.get_trials(deepcopy=False)
            if step in one.intermediate_values and one.number != trial.number
        ]
        return len(others) >= GRACE_TRIALS and bool(trial.intermediate_values[step] > np.median(others))


def _sampler(name: str, seed: int) -> Any:
    """A sampler for one trial: what it draws depends on the seed and on what the study knows, not on the worker.

    Every argument is given, because optuna 5 chose other defaults than 4.
    """
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(
        n_startup_trials=STARTUP_TRIALS,
        n_ei_candidates=24,
        multivariate=True,
        group=False,
        constant_liar=True,
        seed=seed,
    )


def _suggest(trial: Any, space: SearchSpace) -> dict[str, Any]:
    """What to try, by name."""
    return {
        name: _suggest_number(trial, name, one)
        if isinstance(one, Numbers)
        else trial.suggest_categorical(name, one.choices)
        for name, one in space.parameters.items()
    }


def _suggest_number(trial: Any, name: str, one: Numbers) -> Any:
    suggest = trial.suggest_int if one.type == "int" else trial.suggest_float
    low, high = one.ends
    return suggest(name, low, high, log=one.log)


def _record(trial: Any) -> Record:
    notes, ended = trial.user_attrs, trial.datetime_complete
    state = State[trial.state.name] if trial.state != OptunaState.FAIL else _kind_of_failure(notes)
    steps = trial.intermediate_values
    return Record(
        number=trial.number,
        state=state,
        params=dict(trial.params) or dict(trial.system_attrs.get("fixed_params", {})),
        value=trial.value if state is State.COMPLETE else None,
        folds=list(notes.get("folds", [])),
        reached=steps[max(steps)] if steps else None,
        seconds=(ended - trial.datetime_start).total_seconds() if ended and trial.datetime_start else None,
        run_id=notes.get("run_id"),
        error=notes.get(ERROR),
        retry_of=notes.get(RETRY_OF),
    )


def _kind_of_failure(notes: Mapping[str, Any]) -> State:
    return State.FAILED if ERROR in notes else State.ABANDONED


def _refuse_another(name: str, known: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    other = [key for key in about if known.get(key) != about[key]]
    if other:
        faults = "; ".join(f"{key}: {_short(known.get(key))}, not {_short(about[key])}" for key in other)
        raise RefusedError(
            f"The study {name!r} is about something else: {faults}. Its values cannot be compared with new ones.",
            remedy="Give --study another name.",
        )


def _short(value: Any) -> str:
    return str(value) if len(str(value)) < 80 else f"{str(value)[:77]}..."
