"""The workers of a sweep: processes of their own, replaced where they are killed, ended where one cannot go on."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from contracts.errors import TipoffError
from training.sweep_worker import Plan, start

MAX_REPLACED = 10
"""More killed workers than this are no accident: memory, most likely."""

LOOK_SECONDS = 0.5
FAREWELL_SECONDS = 10.0


@dataclass(frozen=True)
class _Worker:
    process: SpawnProcess
    errors: Connection

    @property
    def error(self) -> TipoffError:
        """Why it ended with 1."""
        told = self.errors.recv() if self.errors.poll() else None
        return told if isinstance(told, TipoffError) else TipoffError("A worker of the sweep ended without a word.")


def work_together(plan: Plan, n_workers: int, look: Callable[[], None]) -> None:
    """Run `n_workers` processes on the plan until each says that nothing is left to do; `look` is called meanwhile.

    A killed one is replaced. Raises what a worker raised, and TipoffError where they are killed again and again; the
    others are ended then.
    """
    crew = [_hire(plan) for _ in range(n_workers)]
    n_killed = 0
    try:
        while crew:
            wait([worker.process.sentinel for worker in crew], timeout=LOOK_SECONDS)
            look()
            for worker in [one for one in crew if one.process.exitcode is not None]:
                crew.remove(worker)
                if worker.process.exitcode == 0:
                    continue
                if worker.process.exitcode == 1:
                    raise worker.error
                n_killed += 1
                _refuse_too_many(n_killed, worker.process.exitcode)
                crew.append(_hire(plan))
    finally:
        _dismiss(crew)


def _hire(plan: Plan) -> _Worker:
    """A process started afresh: MLflow and the boosters have threads, and those do not survive a fork."""
    context = multiprocessing.get_context("spawn")
    hear, tell = context.Pipe(duplex=False)
    process = context.Process(target=_live, args=(plan, tell), daemon=True)
    process.start()
    tell.close()
    return _Worker(process, hear)


def _live(plan: Plan, errors: Connection) -> None:
    try:
        start(plan)
    except KeyboardInterrupt:
        sys.exit(0)  # the conductor was interrupted too, and says so
    except TipoffError as error:
        errors.send(error)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 the end of a process: its conductor raises it
        errors.send(TipoffError(f"A worker of the sweep failed: {type(error).__name__}: {error}"))
        sys.exit(1)


def _dismiss(crew: list[_Worker]) -> None:
    for worker in crew:
        worker.process.join(FAREWELL_SECONDS if sys.exc_info()[0] is KeyboardInterrupt else 0)
        worker.process.terminate()
        worker.process.join()


def _refuse_too_many(n_killed: int, exit_code: int | None) -> None:
    if n_killed > MAX_REPLACED:
        raise TipoffError(
            f"{n_killed} workers of the sweep were killed, the last with {exit_code}.",
            remedy="Check the memory; the same command with fewer --workers goes on with what is left.",
        )
