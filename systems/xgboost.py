"""xgboost: gradient-boosted trees under absolute error, so that the prediction is the median."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import xgboost
from pydantic import Field
from xgboost.core import XGBoostError

from contracts.errors import RefusedError, UsageError
from contracts.settings import Section
from systems.base import Contributions, Floats, Rows, System, Watch
from systems.narrow import to_float32
from systems.xgboost_dense import predict_dense
from systems.xgboost_walk import Trees, proven_trees

FILE = "model.ubj"
WALKED_ROWS = 4
"""So many rows are predicted sooner by our own walk of the trees than XGBoost takes to begin."""


class XGBoostParameters(Section):
    """The parameters of the trees, under XGBoost's own names (see its parameter reference)."""

    n_estimators: int = Field(3000, ge=1, description="rounds at most; early stopping ends sooner")
    early_stopping_rounds: int = Field(50, ge=1, description="rounds without a better tune block")
    num_parallel_tree: int = Field(
        1, ge=1, le=64, description="trees a round, each of its own sample; their mean counts"
    )
    learning_rate: float = Field(0.05, gt=0, le=1)
    max_depth: int = Field(6, ge=1, le=16)
    min_child_weight: float = Field(1.0, ge=0, description="under absolute error: rows in a leaf")
    subsample: float = Field(1.0, gt=0, le=1)
    colsample_bytree: float = Field(1.0, gt=0, le=1)
    gamma: float = Field(0.0, ge=0)
    reg_alpha: float = Field(0.0, ge=0)
    reg_lambda: float = Field(1.0, ge=0)
    max_bin: int = Field(256, ge=2, le=4096)
    nthread: int = Field(0, ge=0, description="threads of the fitting; 0: all there are")


class XGBoost(System):
    """Trees under `reg:absoluteerror`, stopped early by the tune block.

    Features are rounded to float32 in one place (systems/narrow.py), fitting and predicting alike, so that a row gives
    the same bits offline and in the service. Missing values take the direction that each split learnt for them; a
    split on what no row of training lacked would send them anywhere.
    """

    name = "xgboost"
    estimates = "median"
    learns_besides = ("early",)
    libraries = ("numpy", "xgboost-cpu", "xgboost")
    parameters_class = XGBoostParameters

    def __init__(self, parameters: Section | None = None, *, device: str = "cpu") -> None:
        super().__init__(parameters, device=device)
        _check_device(device)
        self._booster: Any = None
        self._trees: Trees | None = None
        self._curve: list[float] = []

    def fit(self, train: Rows, tune: Rows, *, features: list[str], target: str, seed: int) -> None:
        """Grow trees on `train` until `tune` is not better for `early_stopping_rounds`; keep those up to the best.

        Raises ValueError where either block is empty.
        """
        if not len(train) or not len(tune):
            raise ValueError(f"{len(train)} training rows, {len(tune)} tune rows: neither may be empty")
        self._features = list(features)
        values = self.hyperparameters
        rounds, patience = values.pop("n_estimators"), values.pop("early_stopping_rounds")
        seen: dict[str, dict[str, list[float]]] = {}
        grown = xgboost.train(
            values
            | {"objective": "reg:absoluteerror", "eval_metric": "mae", "tree_method": "hist"}
            | {"seed": seed, "device": self.device, "verbosity": 1},
            xgboost.QuantileDMatrix(
                to_float32(train.matrix, features), train.target, feature_names=features, max_bin=values["max_bin"]
            ),
            num_boost_round=rounds,
            evals=[(xgboost.DMatrix(to_float32(tune.matrix, features), tune.target, feature_names=features), "tune")],
            early_stopping_rounds=patience,
            evals_result=seen,
            verbose_eval=False,
            callbacks=[_Watched(self.watch)] if self.watch else None,
        )
        self._curve = [float(value) for value in seen["tune"]["mae"]]
        self._booster = grown[: grown.best_iteration + 1]
        self._booster.set_attr(best_iteration=None, best_score=None)
        self._booster.set_param({"device": "cpu"})

    def predict(self, matrix: Floats) -> Floats:
        """The trees' predictions; never NaN."""
        narrow = to_float32(self._checked(matrix), self.features_used)
        if self._trees is not None and len(narrow) <= WALKED_ROWS:
            return self._trees.predict(narrow)
        return predict_dense(self._booster, narrow)

    def contributions(self, matrix: Floats) -> Contributions:
        """SHAP values of the trees (Lundberg and Lee, 2017), exact, summed in float32."""
        rows = xgboost.DMatrix(to_float32(self._checked(matrix), self.features_used), feature_names=self.features_used)
        values = np.asarray(self._booster.predict(rows, pred_contribs=True), dtype=np.float64)
        return Contributions(base=values[:, -1], by_feature=values[:, :-1])

    def save(self, folder: Path) -> None:
        """Write model.ubj, XGBoost's own format; by our own hands, for XGBoost tells a full disk by a page of C++."""
        self.features_used  # noqa: B018 raises where nothing is fitted
        (folder / FILE).write_bytes(self._booster.save_raw("ubj"))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read model.ubj back; its feature names are in it.

        Raises RefusedError where XGBoost cannot read it.
        """
        path = folder / FILE
        if not path.is_file():
            raise RefusedError(f"{path} is absent.", remedy="Train the model again: `tipoff train`.")
        system = cls()
        try:
            system._booster = xgboost.Booster(model_file=path)
        except XGBoostError as error:
            raise RefusedError(
                f"{path} is not a model that XGBoost {xgboost.__version__} reads: {str(error).splitlines()[0]}.",
                remedy="Train the model again: `tipoff train`.",
            ) from error
        system._features = list(system._booster.feature_names or [])
        system.set_threads(1)
        system._trees = proven_trees(system._booster)
        return system

    @property
    def learning_curve(self) -> list[float]:
        """Mean absolute error on the tune block after each tree; empty after `load`."""
        return list(self._curve)

    def set_threads(self, n_threads: int) -> None:
        """Predict with `n_threads` from now on (0: all there are)."""
        super().set_threads(n_threads)
        self._booster.set_param({"nthread": n_threads})


class _Watched(xgboost.callback.TrainingCallback):  # type: ignore[misc]  # the vendor ships no types
    """Tells `watch` of every round."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, dict[str, list[float]]]) -> bool:
        """Never True, which would keep what was fitted so far; a StopFitting goes through."""
        self._watch(epoch + 1, float(evals_log["tune"]["mae"][-1]))
        return False


def _check_device(device: str) -> None:
    """Refuse a GPU that this build of XGBoost would silently replace by the CPU."""
    kind = device.partition(":")[0]
    if kind not in ("cpu", "cuda"):
        raise UsageError(
            f"{device!r} is not a device of xgboost.", remedy="Set TIPOFF_TRAINING__DEVICE to cpu or cuda."
        )
    if kind == "cuda" and not xgboost.build_info()["USE_CUDA"]:
        raise UsageError(
            f"The device is {device!r}, and the installed XGBoost {xgboost.__version__} is built without CUDA.",
            remedy="Set TIPOFF_TRAINING__DEVICE=cpu, or install the distribution xgboost in place of xgboost-cpu.",
        )
