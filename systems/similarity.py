"""similarity: what happened in the past games that looked most like this one before tip-off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field
from sklearn.neighbors import KDTree

from contracts.errors import RefusedError, UsageError
from contracts.settings import Section
from systems.base import Contributions, Floats, Rows, System
from systems.state import TRAIN_AGAIN, read_state, write_state

FILE, ROWS_FILE = "similarity.json", "rows.parquet"

RESULT = "result"
"""The column of rows.parquet that holds the results."""

ROWS_AT_ONCE = 4096


class SimilarityParameters(Section):
    """How many neighbours are asked, out of which rows, and what makes rows alike."""

    n_neighbours: int = Field(200, ge=1)
    most_recent: int = Field(60_000, ge=1, description="rows kept, the latest: a slate must be answered in time")
    form: list[str] = Field(
        ["{target}_avg_last_5", "{target}_avg_last_10", "{target}_avg_season"],
        min_length=1,
        description="columns, {target} standing for the target; without any value in them there is no prediction",
    )
    others: list[str] = Field(
        ["minutes_avg_last_10", "ppm_avg_last_10", "opponent_def_rating", "pace_score"], description="columns"
    )


class Fitted(Section):
    """What was learnt, one value a feature: `typical` stands for a missing value; `stretch` makes distances.

    `n_form` counts the features, the first ones, of which a row must have one.
    """

    features: list[str]
    n_form: int
    n_neighbours: int
    typical: list[float]
    stretch: list[float]


class Similarity(System):
    """The weighted median result of the most alike rows of the training block; it estimates the median.

    - Distance: Euclidean over features divided by their standard deviation and multiplied by the absolute correlation
      with the result, both of training, so that what tells nothing keeps nobody apart (feature weighting:
      D. Wettschereck et al., Artificial Intelligence Review 11, 1997).
    - A missing value is taken to be the median of training, there and when predicting; without any value in `form` it
      cannot predict.
    - Weights: 1 - (distance / just above the farthest neighbour's)^2 (Epanechnikov's kernel; Fan and Gijbels 1996).
      The median is read between the two middle neighbours, so that it is not bound to whole numbers.

    The neighbours are found by scikit-learn's k-d tree over float64, exactly and row by row, so a row's prediction
    knows nothing of its batch. Only the `most_recent` rows are kept, which is a stated limit: with 60,000 a slate of
    250 rows takes about 0.05 s.
    """

    name = "similarity"
    estimates = "median"
    libraries = ("numpy", "scikit-learn", "pyarrow")
    parameters_class = SimilarityParameters

    _fitted: Fitted
    _rows: Floats
    _results: Floats
    _tree: KDTree

    def choose_features(self, available: Sequence[str], target: str) -> list[str]:
        """Those of `form` that are there, then those of `others`.

        Raises UsageError where none of `form` is there.
        """
        form, others = self._wanted(target)
        if not set(form) & set(available):
            raise UsageError(
                f"similarity needs one of {', '.join(form)}; the rows have none of them.",
                remedy="Choose a feature set with one, or name its columns in conf/systems/similarity.yaml.",
            )
        return [name for name in (*form, *others) if name in available]

    def fit(self, train: Rows, tune: Rows, *, features: list[str], target: str, seed: int) -> None:
        """Keep the latest rows of `train` that have form, and learn what a distance is.

        Raises ValueError where no row has form.
        """
        parameters = self._parameters
        n_form = len(set(self._wanted(target)[0]) & set(features))
        usable = np.flatnonzero(np.isfinite(train.matrix[:, :n_form]).any(axis=1))
        if not len(usable):
            raise ValueError(f"no row has a value in {', '.join(features[:n_form])}")
        latest = np.sort(usable[np.argsort(train.dates[usable], kind="stable")][-parameters.most_recent :])
        self._rows, self._results = train.matrix[latest], train.target[latest]
        typical = _medians(self._rows)
        filled = np.where(np.isfinite(self._rows), self._rows, typical)
        self._features = list(features)
        self._fitted = Fitted(
            features=features,
            n_form=n_form,
            n_neighbours=min(parameters.n_neighbours, len(latest)),
            typical=typical.tolist(),
            stretch=_stretch(filled, self._results).tolist(),
        )
        self._plant()

    def predict(self, matrix: Floats) -> Floats:
        """The neighbours' weighted median; NaN where no form is known."""
        matrix = self._checked(matrix)
        predicted = np.full(len(matrix), np.nan)
        known = np.flatnonzero(np.isfinite(matrix[:, : self._fitted.n_form]).any(axis=1))
        for start in range(0, len(known), ROWS_AT_ONCE):
            rows = known[start : start + ROWS_AT_ONCE]
            predicted[rows] = self._neighbours_median(self._filled(matrix[rows]))
        return predicted

    def contributions(self, matrix: Floats) -> Contributions:
        """Sequential replacement: from the typical row, whose prediction is the base, feature by feature to this one.

        Each feature's part is what the prediction moved when its value was put in, those before it being there
        already; the order is that of the features. The parts add up by construction; another order would share out
        differently what features say together.
        """
        matrix = self._checked(matrix)
        cannot = np.isnan(self.predict(matrix))
        wanted = self._filled(matrix)
        step = np.tile(np.array(self._fitted.typical), (len(matrix), 1))
        base = before = self.predict(step)
        parts = np.zeros_like(matrix)
        for place in range(matrix.shape[1]):
            moved = np.flatnonzero(step[:, place] != wanted[:, place])
            step[moved, place] = wanted[moved, place]
            after = before.copy()
            after[moved] = self.predict(step[moved])
            parts[:, place] = after - before
            before = after
        return Contributions(base=np.where(cannot, np.nan, base), by_feature=parts)

    def save(self, folder: Path) -> None:
        """Write similarity.json, and the kept rows with their results to rows.parquet."""
        self.features_used  # noqa: B018 raises where nothing is fitted
        write_state(self._fitted, folder / FILE)
        columns = dict(zip(self._fitted.features, self._rows.T, strict=True)) | {RESULT: self._results}
        pq.write_table(pa.table(columns), folder / ROWS_FILE, compression="zstd")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read both back and plant the tree again.

        Raises RefusedError where a file is absent, damaged or does not fit the other.
        """
        system = cls()
        system._fitted = read_state(Fitted, folder / FILE)
        system._features = list(system._fitted.features)
        try:
            table = pq.read_table(folder / ROWS_FILE, columns=[*system._features, RESULT])
        except (OSError, ValueError, KeyError) as error:
            raise RefusedError(f"{folder / ROWS_FILE} cannot be read: {error}.", remedy=TRAIN_AGAIN) from error
        if table.column_names != [*system._features, RESULT]:
            raise RefusedError(f"{folder / ROWS_FILE} has other columns than {FILE}.", remedy=TRAIN_AGAIN)
        values = np.stack([column.to_numpy() for column in table.columns], axis=1)
        system._rows, system._results = values[:, :-1], values[:, -1]
        system._plant()
        system.set_threads(1)
        return system

    def _plant(self) -> None:
        self._tree = KDTree(self._stretched(self._filled(self._rows)))

    def _filled(self, matrix: Floats) -> Floats:
        return np.where(np.isfinite(matrix), matrix, np.array(self._fitted.typical))

    def _stretched(self, filled: Floats) -> Floats:
        return np.ascontiguousarray(filled * np.array(self._fitted.stretch))

    def _neighbours_median(self, filled: Floats) -> Floats:
        distances, rows = self._tree.query(self._stretched(filled), k=self._fitted.n_neighbours)
        farthest = distances[:, -1:] * 1.001
        weights = 1 - (distances / np.where(farthest > 0, farthest, 1.0)) ** 2
        return _row_medians(self._results[rows], weights)

    def _wanted(self, target: str) -> tuple[list[str], list[str]]:
        parameters = self._parameters
        form, others = (
            [name.format(target=target) for name in names] for names in (parameters.form, parameters.others)
        )
        return form, others

    @property
    def _parameters(self) -> SimilarityParameters:
        assert isinstance(self.parameters, SimilarityParameters)  # noqa: S101 told to the type checker
        return self.parameters


def _medians(rows: Floats) -> Floats:
    """Each column's median over its known values, 0 where it has none, (k,)."""
    known = [column[np.isfinite(column)] for column in rows.T]
    return np.array([np.median(values) if len(values) else 0.0 for values in known])


def _stretch(filled: Floats, results: Floats) -> Floats:
    """Each column's absolute correlation with the results over its standard deviation, (k,); 0 for a constant."""
    centred = filled - filled.mean(axis=0)
    spread = filled.std(axis=0)
    moved = results - results.mean()
    together = np.abs((centred * moved[:, None]).mean(axis=0))
    scale = spread**2 * results.std()
    return np.asarray(together / np.where(scale > 0, scale, np.inf), dtype=np.float64)


def _row_medians(values: Floats, weights: Floats) -> Floats:
    """The weighted median of each row of `values` (n, k): linear between the middles of the weights, (n,)."""
    order = np.argsort(values, axis=1, kind="stable")
    values, weights = np.take_along_axis(values, order, 1), np.take_along_axis(weights, order, 1)
    until = np.cumsum(weights, axis=1)
    middle = (until - weights / 2) / until[:, -1:]
    above = np.argmax(middle >= 0.5, axis=1)[:, None]
    below = np.maximum(above - 1, 0)
    (low, high), (start, end) = (
        [np.take_along_axis(what, place, 1)[:, 0] for place in (below, above)] for what in (values, middle)
    )
    share = np.divide(0.5 - start, end - start, out=np.zeros_like(start), where=end > start)
    return np.asarray(low + share * (high - low), dtype=np.float64)
