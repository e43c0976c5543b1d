"""perceptron: the mean of small neural networks under absolute error, so that the prediction is the median."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from contracts.settings import Section
from systems.base import Contributions, Floats, Rows, System
from systems.networks import Course, Networks, grow
from systems.state import read_state, write_state

FILE = "perceptron.json"

FURTHEST = 4.0
"""An input further from its mean than so many standard deviations counts as that far."""


TINY = 1e-9
"""A spread that is none: what rounding leaves of a constant column."""


class PerceptronParameters(Section):
    """How large the networks are, and how they are grown."""

    n_networks: int = Field(8, ge=1, le=64, description="their mean counts")
    n_hidden: int = Field(64, ge=1, le=1024, description="units of the one hidden layer")
    epochs: int = Field(12, ge=1, le=1000, description="times that every row is seen")
    batch_size: int = Field(256, ge=1)
    learning_rate: float = Field(0.002, gt=0, le=1)
    weight_decay: float = Field(0.1, ge=0)
    dropout: float = Field(0.05, ge=0, lt=1, description="share of the inputs hidden from a network at each step")


class Fitted(Section):
    """What was learnt. Column i is put in by its root where `rooted`, less its mean, over its spread (0: constant).

    Weights are those of Networks.
    """

    features: list[str]
    rooted: list[bool]
    means: list[float]
    spreads: list[float]
    target_mean: float
    target_spread: float
    inner: list[list[list[float]]]
    shift: list[list[float]]
    outer: list[list[float]]
    offset: list[float]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        n_columns = len(self.features)
        inner, shift, outer = (np.array(values).shape for values in (self.inner, self.shift, self.outer))
        hidden = (inner[0], inner[-1])
        if not (inner[1] == n_columns == len(self.rooted) == len(self.means) == len(self.spreads)):
            raise ValueError(f"weights {inner} for {n_columns} columns")
        if not (shift == outer == hidden and len(self.offset) == hidden[0]):
            raise ValueError(f"weights {inner}, {shift}, {outer} and {len(self.offset)} do not fit")
        return self


class Perceptron(System):
    """prediction = max(0, mean + spread x output)^2; it estimates the median.

    The networks learn the square root of the result under absolute error. A root is monotone, so its median is the
    root of the result's median; the root of a count has about the same spread whatever its size, so that stars do not
    outweigh the bench. Columns that are never below 0 in training are put in by their roots, for the same reason.
    Every column is standardized, cut at 4 standard deviations; a missing value counts as the mean. Nothing stops them
    early, for their rate falls to 0 by itself: keeping the epoch that a tune block liked best was 0.005 worse.

    Sources: F. Rosenblatt (1958); averaging of networks: L. Hansen and P. Salamon (1990); dropout: N. Srivastava et al.
    (2014). Trees cut each column into steps; networks draw slopes, so the two are wrong in different places.
    """

    name = "perceptron"
    estimates = "median"
    learns_besides = ("early",)
    parameters_class = PerceptronParameters

    _fitted: Fitted
    _networks: Networks

    def fit(self, train: Rows, tune: Rows, *, features: list[str], target: str, seed: int) -> None:
        """Grow the networks on `train`; `tune` is told of in the learning curve, and decides nothing.

        Raises ValueError where either block is empty.
        """
        if not len(train) or not len(tune):
            raise ValueError(f"{len(train)} training rows, {len(tune)} tune rows: neither may be empty")
        self._features = list(features)
        self._curve: list[float] = []
        self._scale = _Scale.of(train)
        rows, tuned = self._scale.inputs(train.matrix), self._scale.inputs(tune.matrix)
        for networks in grow(rows, self._scale.asked(train.target), self._course, seed):
            error = float(np.abs(self._scale.result(networks.output(tuned)) - tune.target).mean())
            self._curve.append(error)
            self._networks = networks
            if self.watch:
                self.watch(len(self._curve), error)

    def predict(self, matrix: Floats) -> Floats:
        """The networks' mean, squared; never NaN and never below 0."""
        return self._scale.result(self._networks.output(self._scale.inputs(self._checked(matrix))))

    def contributions(self, matrix: Floats) -> Contributions:
        """Each column its value times the slope there; the base is what is left: exact, for the output is piecewise
        linear and the square is the root times itself."""
        inputs = self._scale.inputs(self._checked(matrix))
        point = self._scale.result(self._networks.output(inputs))
        by_feature = np.sqrt(point)[:, None] * self._scale.target_spread * self._networks.slopes(inputs) * inputs
        return Contributions(base=point - by_feature.sum(axis=1), by_feature=by_feature)

    def save(self, folder: Path) -> None:
        """Write perceptron.json."""
        scale, grown = self._scale, self._networks
        write_state(
            Fitted(
                features=self.features_used,
                rooted=scale.rooted.tolist(),
                means=scale.means.tolist(),
                spreads=scale.spreads.tolist(),
                target_mean=scale.target_mean,
                target_spread=scale.target_spread,
                inner=grown.inner.tolist(),
                shift=grown.shift.tolist(),
                outer=grown.outer.tolist(),
                offset=grown.offset.tolist(),
            ),
            folder / FILE,
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it back.

        Raises RefusedError where the file is absent or damaged.
        """
        kept = read_state(Fitted, folder / FILE)
        system = cls()
        system._features, system._curve = list(kept.features), []
        rooted, means, spreads = np.array(kept.rooted, bool), np.array(kept.means), np.array(kept.spreads)
        system._scale = _Scale(rooted, means, spreads, kept.target_mean, kept.target_spread)
        system._networks = Networks(*(np.array(part) for part in (kept.inner, kept.shift, kept.outer, kept.offset)))
        system.set_threads(1)
        return system

    @property
    def learning_curve(self) -> list[float]:
        """Mean absolute error on the tune block after each epoch; empty after `load`."""
        return list(self._curve)

    @property
    def _course(self) -> Course:
        return Course(**self.hyperparameters)


@dataclass(frozen=True)
class _Scale:
    """From columns to what the networks see, and from what they say to the target's unit."""

    rooted: npt.NDArray[np.bool_]
    means: Floats
    spreads: Floats
    target_mean: float
    target_spread: float

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """Learnt from `rows`; a column without a value in them, or with one alone, has no spread: it says nothing."""
        known = np.isfinite(rows.matrix)
        rooted = np.asarray((np.where(known, rows.matrix, 0.0) >= 0).all(axis=0), dtype=bool)
        values = np.where(known, _root(rows.matrix, rooted), 0.0)
        count = np.maximum(known.sum(axis=0), 1)
        means = values.sum(axis=0) / count
        spreads = np.sqrt((np.where(known, values - means, 0.0) ** 2).sum(axis=0) / count)
        result = np.sqrt(np.maximum(rows.target, 0.0))
        return cls(rooted, means, spreads, float(result.mean()), float(result.std()) or 1.0)

    def inputs(self, matrix: Floats) -> Floats:
        """The columns, (n, k), standardized and cut; a missing value is 0, the mean."""
        distance = _root(matrix, self.rooted) - self.means
        there = self.spreads > TINY
        values = np.divide(distance, self.spreads, out=np.zeros_like(distance), where=there)
        return np.asarray(np.clip(np.nan_to_num(values, nan=0.0), -FURTHEST, FURTHEST), dtype=np.float64)

    def asked(self, target: Floats) -> Floats:
        """What the networks are to say of the results; one below 0 counts as 0."""
        return np.asarray((np.sqrt(np.maximum(target, 0.0)) - self.target_mean) / self.target_spread)

    def result(self, output: Floats) -> Floats:
        """What their output says of the result, at least 0."""
        return np.asarray(np.maximum(self.target_mean + self.target_spread * output, 0.0) ** 2)


def _root(matrix: Floats, rooted: npt.NDArray[np.bool_]) -> Floats:
    """The matrix with the roots of its rooted columns, where a value below 0 counts as 0."""
    return np.where(rooted, np.sqrt(np.where(rooted, np.maximum(matrix, 0.0), 0.0)), matrix)
