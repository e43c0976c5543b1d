"""Where a study lives so that many processes may work on it: a journal on one machine, PostgreSQL for several.

Either knows which worker is alive without asking it: on one machine the kernel lets go of a dead process's lock, in
PostgreSQL a living worker's heart beats.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
import uuid
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

import optuna
import sqlalchemy as sa
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage, RDBStorage, fail_stale_trials
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from contracts.errors import UnavailableError, UsageError
from contracts.home import Home
from contracts.locks import file_lock

WORKER = "worker"
"""The attribute of a trial that names the worker that runs it."""

MISSED_BEATS = 3
WAIT_SECONDS = 24 * 3600.0
"""How long one of several processes waits for another: a refit of the winner may take hours, the dead do not count."""

RUNNING = (TrialState.RUNNING,)
NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class StudyStore(ABC):
    """One study's storage, as one worker sees it."""

    storage: Any
    """What optuna keeps the study in."""

    def __init__(self) -> None:
        self.worker = uuid.uuid4().hex

    @abstractmethod
    def alone(self, purpose: str) -> AbstractContextManager[None]:
        """No other process is in a block of the same study and `purpose`; who dies in it lets go of it."""

    @abstractmethod
    def fail_abandoned(self, study: Any) -> None:
        """Mark every running trial as failed whose worker is dead; only to be called alone with the claims."""

    @abstractmethod
    def start_work(self, trial_id: int) -> None:
        """From now on this worker is known to be alive, and at this trial."""

    @abstractmethod
    def stop_work(self) -> None:
        """The trial has ended."""

    def close(self) -> None:
        """Let go of everything; the store is of no use after it."""
        self.stop_work()


def open_store(home: Home, name: str, heartbeat_seconds: int) -> StudyStore:
    """The store of study `name`.

    Raises UsageError for a name or an address that is none, UnavailableError for a database that does not answer.
    """
    if not NAMES.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a study.", remedy="Use up to 100 letters, digits, dots, - and _."
        )
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if home.study_url is None:
        return JournalStore(home.studies, name)
    return PostgresStore(_study_address(home.study_url, home), name, heartbeat_seconds)


class JournalStore(StudyStore):
    """A journal file under the home, with locks that the kernel takes from the dead."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__()
        self._locks = folder / f"{name}.locks"
        self._locks.mkdir(parents=True, exist_ok=True)
        self._alive: int | None = None
        journal = folder / f"{name}.journal"
        self.storage = JournalStorage(_Journal(journal, self._locks / "journal"))

    @contextmanager
    def alone(self, purpose: str) -> Iterator[None]:
        """Holds the lock on a file of that name."""
        with file_lock(self._locks / purpose, WAIT_SECONDS):
            yield

    def fail_abandoned(self, study: Any) -> None:
        """A worker is dead where its lock is free; a trial without one was claimed by a process that died claiming."""
        for trial in study.get_trials(deepcopy=False, states=RUNNING):
            if self._is_alive(trial.user_attrs.get(WORKER)):
                continue
            if study.get_trials(deepcopy=False)[trial.number].state == TrialState.RUNNING:  # it did not end just now
                study.tell(trial.number, state=TrialState.FAIL)

    def start_work(self, trial_id: int) -> None:
        """Takes the worker's own lock; a bare descriptor, which nothing closes but `stop_work` and the kernel."""
        self._alive = os.open(self._lock_of(self.worker), os.O_CREAT | os.O_WRONLY, 0o644)
        fcntl.flock(self._alive, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a worker is at one trial at a time

    def stop_work(self) -> None:
        """Lets go of it."""
        if self._alive is not None:
            self._lock_of(self.worker).unlink()
            os.close(self._alive)
            self._alive = None

    def _is_alive(self, worker: str | None) -> bool:
        path = self._lock_of(worker or "")
        if not path.exists():
            return False
        try:
            with file_lock(path, 0):
                path.unlink()  # nobody comes back to it
        except TimeoutError:
            return True
        return False

    def _lock_of(self, worker: str) -> Path:
        return self._locks / f"worker-{worker}"


class PostgresStore(StudyStore):
    """Optuna's tables in a PostgreSQL database of their own; workers on any machine, their hearts beating."""

    def __init__(self, address: sa.URL, name: str, heartbeat_seconds: int) -> None:
        super().__init__()
        self._name, self._seconds = name, heartbeat_seconds
        self._engine = sa.create_engine(address, poolclass=sa.NullPool)
        self._heart: _Heart | None = None
        try:
            with self.alone("tables"), _quiet():  # optuna's making of its tables does not bear two at once
                self.storage = RDBStorage(
                    address.render_as_string(hide_password=False),
                    engine_kwargs={"pool_pre_ping": True},
                    heartbeat_interval=heartbeat_seconds,
                    grace_period=MISSED_BEATS * heartbeat_seconds,
                )
        except sa.exc.OperationalError as error:
            said = " ".join(str(error.orig).split())
            raise UnavailableError(
                f"The studies' database {address.render_as_string(hide_password=True)} does not answer: {said}.",
                remedy="Check TIPOFF_STUDY_URL and that the server is up.",
            ) from error

    @contextmanager
    def alone(self, purpose: str) -> Iterator[None]:
        """Holds an advisory lock of a session, which ends with its connection."""
        key = "tipoff tables" if purpose == "tables" else f"tipoff {purpose} of {self._name}"
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("SELECT pg_advisory_lock(hashtextextended(:key, 0))"), {"key": key})
            yield

    def fail_abandoned(self, study: Any) -> None:
        """A worker is dead after MISSED_BEATS; a trial without one was claimed by a process that died claiming."""
        with _quiet():
            fail_stale_trials(study)
        for trial in study.get_trials(deepcopy=False, states=RUNNING):
            if WORKER not in trial.user_attrs:
                study.tell(trial.number, state=TrialState.FAIL)

    def start_work(self, trial_id: int) -> None:
        """Beats once, and then by itself."""
        self._heart = _Heart(self.storage, trial_id, self._seconds)

    def stop_work(self) -> None:
        """Beats no more."""
        if self._heart is not None:
            self._heart.stop()
            self._heart = None

    def close(self) -> None:
        """Closes the connections."""
        super().close()
        self.storage.remove_session()
        self.storage.engine.dispose()


class _Heart:
    """A thread that says of a trial, every so many seconds, that its worker lives."""

    def __init__(self, storage: Any, trial_id: int, seconds: int) -> None:
        storage.record_heartbeat(trial_id)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, args=(storage, trial_id, seconds), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _beat(self, storage: Any, trial_id: int, seconds: int) -> None:
        while not self._stopped.wait(seconds):
            storage.record_heartbeat(trial_id)


class _Journal(JournalFileBackend):  # type: ignore[misc]  # the vendor's types are not followed
    """Optuna's journal file, written our way: under a lock that the kernel takes from the dead, and without waiting
    for the disk at each line. What a killed process wrote is kept all the same; a power cut costs the last trials.

    Who writes first cuts off the line that somebody who died, or whose disk was full, left half written.
    """

    def __init__(self, journal: Path, lock: Path) -> None:
        super().__init__(str(journal))
        self._journal, self._kernel_lock = journal, lock

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Called by optuna with what is to be kept."""
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with self._kernel_lock.open("a") as lock, self._journal.open("r+b") as journal:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _cut_half_a_line(journal)
            journal.seek(0, os.SEEK_END)
            journal.write(lines.encode())


def _cut_half_a_line(journal: IO[bytes]) -> None:
    size = journal.seek(0, os.SEEK_END)
    journal.seek(max(0, size - 1))
    if size and journal.read(1) != b"\n":
        journal.seek(0)
        journal.truncate(journal.read().rfind(b"\n") + 1)


def _study_address(text: str, home: Home) -> sa.URL:
    """The address `text` of a PostgreSQL database that nothing else of ours lives in."""
    try:
        made = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        made = None
    if made is None or made.get_backend_name() not in ("postgresql", "postgres"):
        raise UsageError(
            "TIPOFF_STUDY_URL is not the address of a PostgreSQL database.",
            remedy="Write postgresql://USER:PASSWORD@HOST/DATABASE, or unset it: one machine needs none.",
        )
    place = (made.host, made.port, made.database, dict(made.query))
    for name, other in (("TIPOFF_DATABASE_URL", home.database_url), ("MLFLOW_TRACKING_URI", home.tracking_uri)):
        if "postgres" in other.partition(":")[0]:
            theirs = sa.make_url(other)
            if place == (theirs.host, theirs.port, theirs.database, dict(theirs.query)):
                raise UsageError(
                    f"TIPOFF_STUDY_URL and {name} name one database; optuna keeps its migrations under the same name.",
                    remedy="Give studies a database of their own: `createdb studies`.",
                )
    return made.set(drivername="postgresql+psycopg")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without optuna's note that heartbeats are experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
