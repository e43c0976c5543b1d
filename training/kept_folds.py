"""What a backtest has done so far, kept on disk: one that was killed goes on where it was, to the same bits."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from contracts.locks import file_lock
from contracts.metrics import Floats
from systems.residuals import Residuals

ABOUT, RUN_ID = "about.json", "run_id"
NO_ROUNDS = -1
NO_SPREAD = Residuals(np.empty(0), np.empty((0, 0)))


@dataclass(frozen=True)
class Predicted:
    """What the system of one fold said: the `point` of each of its test rows (n,), NaN = none, the spread of its errors
    (None: too few before to tell) and the round that early stopping ended at (None: it has none).
    """

    point: Floats
    residuals: Residuals | None
    best_rounds: int | None


class KeptFolds:
    """The folds of one walk that are done; made by `open_kept_folds`. `folder` None: nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @property
    def n_done(self) -> int:
        """How many folds there are."""
        return len(list(self._folder.glob("fold-*.npz"))) if self._folder else 0

    @property
    def run_id(self) -> str | None:
        """The run that a broken off walk was to be logged in."""
        path = self._folder / RUN_ID if self._folder else None
        return path.read_text() if path and path.is_file() else None

    def keep_run(self, run_id: str) -> None:
        """Keep which run the walk is logged in."""
        if self._folder:
            (self._folder / RUN_ID).write_text(run_id)

    def keep(self, number: int, fold: Predicted) -> None:
        """Keep fold `number`, wholly or not at all."""
        if self._folder is None:
            return
        path = self._fold(self._folder, number)
        rounds = NO_ROUNDS if fold.best_rounds is None else fold.best_rounds
        spread = fold.residuals or NO_SPREAD
        with path.with_suffix(".part").open("wb") as file:
            np.savez(
                file,
                allow_pickle=False,
                point=fold.point,
                edges=spread.edges,
                quantiles=spread.quantiles,
                growth=spread.growth,
                best_rounds=rounds,
            )
        path.with_suffix(".part").replace(path)

    def find(self, number: int, n_rows: int) -> Predicted | None:
        """Fold `number` with its `n_rows` rows, or None where it is not there whole: it is walked again then."""
        path = self._fold(self._folder, number) if self._folder else None
        if path is None or not path.is_file():
            return None
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as kept:
                found = {name: kept[name] for name in ("point", "edges", "quantiles", "growth", "best_rounds")}
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):  # a power cut in the middle of it
            return None
        if found["point"].shape != (n_rows,):
            return None
        factor, power = found["growth"].tolist()
        rounds = int(found["best_rounds"])
        spread = Residuals(found["edges"], found["quantiles"], (factor, power))
        residuals = spread if len(spread.quantiles) else None
        return Predicted(found["point"], residuals, None if rounds == NO_ROUNDS else rounds)

    def forget(self) -> None:
        """The walk has ended: nothing of it is to be taken up again."""
        if self._folder:
            shutil.rmtree(self._folder)

    @staticmethod
    def _fold(folder: Path, number: int) -> Path:
        return folder / f"fold-{number:03}.npz"


@contextmanager
def open_kept_folds(place: Path, about: Mapping[str, Any]) -> Iterator[KeptFolds]:
    """The folds kept under `place` of exactly the walk that `about` (plain values) says; any other has its own.

    Where another process walks the same, this one keeps nothing and takes nothing up.
    """
    said = json.dumps(about, sort_keys=True, allow_nan=False)
    folder = place / hashlib.sha256(said.encode()).hexdigest()[:32]
    place.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(folder.with_suffix(".lock"), 0))
        except TimeoutError:
            yield KeptFolds(None)
            return
        folder.mkdir(exist_ok=True)
        (folder / ABOUT).write_text(said)
        yield KeptFolds(folder)


def code_sha256() -> str:
    """SHA-256 (hex) over the code that a fold's predictions are made by."""
    digest = hashlib.sha256()
    for package in ("contracts", "systems", "training"):
        folder = Path(__file__).parents[1] / package
        for path in sorted(folder.rglob("*.py")):
            digest.update(os.fsencode(path.relative_to(folder.parent)) + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
