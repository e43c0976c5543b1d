"""catboost: symmetric boosted trees under absolute error, so that the prediction is the median."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import catboost
import numpy as np
from catboost import CatBoostError
from catboost.utils import get_gpu_device_count
from pydantic import Field

from contracts.errors import RefusedError, UnavailableError, UsageError
from contracts.settings import Section
from systems.base import Contributions, Floats, Rows, StopFitting, System, Watch
from systems.narrow import to_float32

FILE = "model.cbm"

OF_ONE_FIT = ("model_guid", "train_finish_time")
"""What CatBoost writes into a model that differs from fit to fit: left out, so that equal fits are equal files."""


class CatBoostParameters(Section):
    """The parameters of the trees, under CatBoost's own names (see its training parameters)."""

    iterations: int = Field(3000, ge=1, description="rounds at most; early stopping ends sooner")
    early_stopping_rounds: int = Field(60, ge=1, description="rounds without a better tune block")
    learning_rate: float = Field(0.05, gt=0, le=1)
    depth: int = Field(6, ge=1, le=12)
    l2_leaf_reg: float = Field(3.0, ge=0)
    random_strength: float = Field(1.0, ge=0)
    rsm: float = Field(1.0, gt=0, le=1, description="share of the columns that each split may choose from")
    subsample: float = Field(0.8, gt=0, le=1)
    border_count: int = Field(254, ge=1, le=65535)
    thread_count: int = Field(-1, ge=-1, description="threads of the fitting; -1: all there are")


class CatBoost(System):
    """Symmetric trees under `MAE`, stopped early by the tune block; a missing value is less than every other."""

    name = "catboost"
    estimates = "median"
    learns_besides = ("early",)
    libraries = ("numpy", "catboost")
    parameters_class = CatBoostParameters

    def __init__(self, parameters: Section | None = None, *, device: str = "cpu") -> None:
        super().__init__(parameters, device=device)
        self._task = _task_type(device)
        self._trees: Any = None
        self._curve: list[float] = []

    def fit(self, train: Rows, tune: Rows, *, features: list[str], target: str, seed: int) -> None:
        """Grow trees on `train` until `tune` is not better for `early_stopping_rounds`; keep those up to the best.

        Raises ValueError where either block is empty.
        """
        if not len(train) or not len(tune):
            raise ValueError(f"{len(train)} training rows, {len(tune)} tune rows: neither may be empty")
        self._features = list(features)
        self._trees = catboost.CatBoost(
            self.hyperparameters
            | {"loss_function": "MAE", "bootstrap_type": "Bernoulli", "use_best_model": True}
            | {"random_seed": seed, "task_type": self._task, "allow_writing_files": False, "verbose": False}
        )
        watched = _Watched(self.watch) if self.watch and self._task == "CPU" else None  # no callbacks on a GPU
        self._trees.fit(self._pool(train), eval_set=self._pool(tune), callbacks=[watched] if watched else None)
        if watched and watched.stopped:
            self._trees = None
            raise watched.stopped
        self._curve = [float(value) for value in self._trees.get_evals_result()["validation"]["MAE"]]
        notes = self._trees.get_metadata()
        for name in OF_ONE_FIT:
            del notes[name]

    def predict(self, matrix: Floats) -> Floats:
        """The trees' predictions; never NaN."""
        narrow = to_float32(self._checked(matrix), self.features_used)
        if not len(narrow):
            return np.empty(0)
        values = self._trees.predict(narrow, thread_count=self.n_threads or -1)
        return np.asarray(values, dtype=np.float64)

    def contributions(self, matrix: Floats) -> Contributions:
        """SHAP values of the trees (Lundberg and Lee, 2017), exact."""
        pool = catboost.Pool(to_float32(self._checked(matrix), self.features_used), feature_names=self.features_used)
        values = np.asarray(self._trees.get_feature_importance(data=pool, type="ShapValues"), dtype=np.float64)
        return Contributions(base=values[:, -1], by_feature=values[:, :-1])

    def save(self, folder: Path) -> None:
        """Write model.cbm, CatBoost's own format.

        Raises UnavailableError where there is no room for it.
        """
        self.features_used  # noqa: B018 raises where nothing is fitted
        try:
            self._trees.save_model(str(folder / FILE))
        except CatBoostError as error:
            raise UnavailableError(
                f"{folder / FILE} cannot be written: {str(error).splitlines()[0]}.",
                remedy="Make room or give access; then run this again.",
            ) from error

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read model.cbm back; its feature names are in it.

        Raises RefusedError where CatBoost cannot read it.
        """
        path = folder / FILE
        if not path.is_file():
            raise RefusedError(f"{path} is absent.", remedy="Train the model again: `tipoff train`.")
        system = cls()
        system._trees = catboost.CatBoost()
        try:
            system._trees.load_model(str(path))
        except CatBoostError as error:
            raise RefusedError(
                f"{path} is not a model that CatBoost {catboost.__version__} reads: {error}.",
                remedy="Train the model again: `tipoff train`.",
            ) from error
        system._features = list(system._trees.feature_names_)
        system.set_threads(1)
        return system

    @property
    def learning_curve(self) -> list[float]:
        """Mean absolute error on the tune block after each tree; empty after `load`."""
        return list(self._curve)

    def _pool(self, rows: Rows) -> catboost.Pool:
        return catboost.Pool(to_float32(rows.matrix, self.features_used), rows.target, feature_names=self.features_used)


class _Watched:
    """Tells `watch` of every round; keeps a StopFitting, which CatBoost would turn into an error of its own."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.stopped: StopFitting | None = None

    def after_iteration(self, info: Any) -> bool:
        """Whether to go on; `info.metrics` is block -> loss -> value after each round."""
        try:
            self._watch(info.iteration, float(info.metrics["validation"]["MAE"][-1]))
        except StopFitting as stop:
            self.stopped = stop
        return self.stopped is None


def _task_type(device: str) -> str:
    """CatBoost's word for the device.

    Raises UsageError for an unknown one, and for a GPU where there is none.
    """
    kind = device.partition(":")[0]
    if kind not in ("cpu", "cuda"):
        raise UsageError(
            f"{device!r} is not a device of catboost.", remedy="Set TIPOFF_TRAINING__DEVICE to cpu or cuda."
        )
    if kind == "cuda" and not get_gpu_device_count():
        raise UsageError(
            f"The device is {device!r}, and CatBoost finds no GPU here.", remedy="Set TIPOFF_TRAINING__DEVICE=cpu."
        )
    return "GPU" if kind == "cuda" else "CPU"
