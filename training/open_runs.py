"""Which runs are open, by locks that end with their process: a run whose process could not end it is ended by the next.

A kill, a power cut or a full disk leaves a run RUNNING for ever in MLflow, which knows nothing of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.home import Home
from contracts.locks import file_lock


@contextmanager
def noted(home: Home, run_id: str, has_ended: Callable[[], bool]) -> Iterator[None]:
    """The run is noted as open for the length of the block, and afterwards too where it has not ended by then."""
    folder = _folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / run_id
    with file_lock(path, 0):
        try:
            yield
        finally:
            if has_ended():
                path.unlink(missing_ok=True)


def end_broken_off(home: Home, end: Callable[[str], None]) -> None:
    """`end(run_id)` for every run that was noted by a process of this home which lives no more."""
    for path in sorted(_folder(home).glob("*")):
        try:
            with file_lock(path, 0):
                end(path.name)
                path.unlink(missing_ok=True)
        except TimeoutError:
            continue  # its process is at it


def _folder(home: Home) -> Path:
    return home.root / "open-runs"
