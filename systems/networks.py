"""Several small networks at once: one hidden layer each, grown under absolute error, their outputs averaged.

Weights are float32 while they are learnt and float64 when asked, where every sum runs in one fixed order: matrix
products of the libraries add in an order that depends on how many rows there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from systems.base import Floats

Narrow = npt.NDArray[np.float32]

BLOCK = 256
"""Rows computed at a time: what they need fits a processor's cache."""

WARM_UP = 0.05
"""First share of the steps, in which the rate rises."""

MOMENTUM, SQUARES = 0.9, 0.999
"""Adam's decay rates, as its authors have them (Kingma and Ba, 2015)."""


@dataclass(frozen=True)
class Networks:
    """`inner` (m, k, h) and `shift` (m, h) make the hidden layers of m networks, `outer` (m, h) and `offset` (m,) their
    outputs: mean over m of offset + outer . max(0, x inner + shift)."""

    inner: Floats
    shift: Floats
    outer: Floats
    offset: Floats

    def output(self, inputs: Floats) -> Floats:
        """The mean output (n,) for `inputs` (n, k); a row gives the same bits alone or among others."""
        blocks = [self._output(inputs[start : start + BLOCK]) for start in range(0, len(inputs), BLOCK)]
        return np.concatenate(blocks) if blocks else np.empty(0)

    def slopes(self, inputs: Floats) -> Floats:
        """How fast the output grows with each input, (n, k): exact, for it is piecewise linear."""
        active = self._hidden(inputs) > 0
        return np.asarray((active * self._flat_outer) @ self._flat_inner.T, dtype=np.float64)

    @property
    def _flat_inner(self) -> Floats:
        return np.ascontiguousarray(self.inner.transpose(1, 0, 2).reshape(self.inner.shape[1], -1))

    @property
    def _flat_outer(self) -> Floats:
        return self.outer.ravel() / len(self.offset)

    def _output(self, inputs: Floats) -> Floats:
        parts = np.maximum(self._hidden(inputs), 0.0) * self._flat_outer
        return np.asarray(np.cumsum(parts, axis=1)[:, -1] + np.cumsum(self.offset)[-1] / len(self.offset))

    def _hidden(self, inputs: Floats) -> Floats:
        """Before they are cut at 0, (n, m * h); input after input, so that a row's bits are its own."""
        sums = np.tile(self.shift.ravel(), (len(inputs), 1))
        part = np.empty_like(sums)
        for column, weights in zip(inputs.T, self._flat_inner, strict=True):
            sums += np.multiply(column[:, None], weights, out=part)
        return sums


@dataclass(frozen=True)
class Course:
    """How networks are grown; the fields' meanings and bounds stand with PerceptronParameters."""

    n_networks: int
    n_hidden: int
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    dropout: float


def grow(inputs: Floats, target: Floats, course: Course, seed: int) -> Iterator[Networks]:
    """The networks after each epoch, grown on `inputs` (n, k) to say `target` (n,) under absolute error.

    Each has its own first weights, order of rows and inputs that it does not see (dropout). Adam with decoupled weight
    decay (Loshchilov and Hutter, 2019), the rate warmed up, then lowered to 0 along a cosine. One thread, so that the
    sums are the same on any number of cores.
    """
    draw = np.random.default_rng(seed)
    rows, results = inputs.astype(np.float32), target.astype(np.float32)
    state = _Growing(_first_weights(inputs.shape[1], course, draw), course, _n_steps(len(inputs), course))
    with threadpool_limits(1):
        for _ in range(course.epochs):
            orders = np.stack([draw.permutation(len(rows)) for _ in range(course.n_networks)])
            for start in range(0, len(rows), course.batch_size):
                batch = orders[:, start : start + course.batch_size]
                state.step(rows[batch], results[batch], draw)
            yield state.networks()


def _n_steps(n_rows: int, course: Course) -> int:
    return course.epochs * -(-n_rows // course.batch_size)


def _first_weights(n_inputs: int, course: Course, draw: np.random.Generator) -> list[Narrow]:
    """Of a size that keeps the spread from layer to layer (He et al., 2015), the outputs near 0."""
    networks, hidden = course.n_networks, course.n_hidden
    inner = draw.normal(0, np.sqrt(2 / n_inputs), (networks, n_inputs, hidden))
    outer = draw.normal(0, 0.1 * np.sqrt(2 / hidden), (networks, hidden, 1))
    weights = (inner, np.zeros((networks, 1, hidden)), outer, np.zeros((networks, 1, 1)))
    return [values.astype(np.float32) for values in weights]


class _Growing:
    """Weights on their way: inner, shift, outer, offset, with Adam's running means of slopes and of their squares."""

    def __init__(self, weights: list[Narrow], course: Course, n_steps: int) -> None:
        self._weights, self._course, self._n_steps, self._done = weights, course, n_steps, 0
        self._means = [np.zeros_like(values) for values in weights]
        self._squares = [np.zeros_like(values) for values in weights]

    def step(self, inputs: Narrow, target: Narrow, draw: np.random.Generator) -> None:
        """A batch of each network's own, (m, n, k) and (m, n): what it says, and all weights moved against the slope of
        its absolute error."""
        inner, shift, outer, offset = self._weights
        seen = self._drop(inputs, draw)
        hidden = np.maximum(seen @ inner + shift, 0)
        error = np.sign((hidden @ outer + offset)[..., 0] - target)[..., None] / np.float32(target.shape[1])
        behind = (error @ outer.transpose(0, 2, 1)) * (hidden > 0)
        slopes = (
            *(seen.transpose(0, 2, 1) @ behind, behind.sum(axis=1, keepdims=True)),
            *(hidden.transpose(0, 2, 1) @ error, error.sum(axis=1, keepdims=True)),
        )
        self._move(slopes)

    def networks(self) -> Networks:
        """As they are now."""
        inner, shift, outer, offset = (values.astype(np.float64) for values in self._weights)
        return Networks(inner, shift[:, 0, :], outer[..., 0], offset[:, 0, 0])

    def _drop(self, inputs: Narrow, draw: np.random.Generator) -> Narrow:
        """The inputs with some of them hidden, the others raised to make up for it."""
        share = self._course.dropout
        if not share:
            return inputs
        kept = draw.random(inputs.shape, dtype=np.float32) >= share
        return np.asarray(inputs * kept / np.float32(1 - share), dtype=np.float32)

    def _move(self, slopes: tuple[Any, ...]) -> None:
        self._done += 1
        rate = self._rate()
        for place, slope in enumerate(slopes):
            mean, square, values = self._means[place], self._squares[place], self._weights[place]
            mean += np.float32(1 - MOMENTUM) * (slope - mean)
            square += np.float32(1 - SQUARES) * (slope * slope - square)
            push = (mean / np.float32(1 - MOMENTUM**self._done)) / (
                np.sqrt(square / np.float32(1 - SQUARES**self._done)) + np.float32(1e-8)
            )
            decay = np.float32(self._course.weight_decay) * values if place in (0, 2) else np.float32(0)
            values -= np.float32(rate) * (push + decay)

    def _rate(self) -> float:
        warm = min(1.0, self._done / (WARM_UP * self._n_steps))
        return self._course.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * self._done / self._n_steps))
