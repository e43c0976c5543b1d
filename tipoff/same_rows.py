"""Two versions on the same rows: where registry, features, systems and training meet to judge or compare them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from contracts.errors import RefusedError
from contracts.metrics import Floats
from contracts.populations import LINE_TARGET, TIERS, tier
from contracts.populations import population as population_rows
from features.table.rows import Build, current_build
from features.table.snapshot import read_snapshot
from registry.evidence import Alone, Contender, Slice
from registry.versions import ModelVersion, stage_of
from serving.live import LiveModel, load_live
from training.dataset import Dataset, make_dataset
from training.evaluation import baseline_predictions

if TYPE_CHECKING:
    from systems.model import Predictions
    from tipoff.wiring import Wiring

Mask = npt.NDArray[np.bool_]
POPULATIONS = ("rotation", "early", "lined")
"""What is held against the champion apart from the whole."""

MIN_BEFORE = 30
"""The typical result of rows on which no average says anything is told by at least so many earlier ones."""


@dataclass(frozen=True)
class SameRows:
    """Every played row of the current build that none of the versions has seen, and what each predicts for it.

    `known_dates` are the dates of every row of the population, seen or not; `before` are the results of all rows before
    these, on which no average could say anything; `predictions` in the order of the versions.
    """

    rows: Dataset
    known_dates: npt.NDArray[np.datetime64]
    before: Floats
    models: tuple[LiveModel, ...]
    predictions: tuple[Predictions, ...]

    @property
    def actual(self) -> Floats:
        """What happened, row by row."""
        return self.rows.frame["target"].to_numpy()

    @property
    def line(self) -> Floats:
        """The line known at the cut-off, NaN where none: all of them where it is a line of another target."""
        known = self.rows.matrix(["line"])[:, 0]
        return known if self.rows.target == LINE_TARGET else np.full(len(known), np.nan)

    def contender(self, place: int) -> Contender:
        """The version at `place`, over the rows of the population."""
        live, said, chosen = self.models[place], self.predictions[place], self.rows.in_population
        return Contender(
            name=live.version.title,
            system=live.version.system,
            predictions=said.point[chosen],
            estimates=live.model.metadata.estimates,
            train_to=live.version.train_to,
            low=said.low[chosen],
            high=said.high[chosen],
        )

    def baselines(self) -> dict[str, Floats]:
        """What each baseline predicts for the rows of the population."""
        found = baseline_predictions(self.rows.frame, self.rows.feature_set.names, self.rows.target)
        return {name: predictions[self.rows.in_population] for name, predictions in found.items()}

    def alone(self) -> Alone:
        """The rows that only the last version predicts, and for each the first average that says something.

        Where none does, the plain guess is the median result of earlier rows on which none did, if there are enough.
        """
        averages, point = _averages(self.rows), self.predictions[-1].point
        unshared = np.asarray(np.isnan(averages).all(axis=0))
        for other in self.predictions[:-1]:
            unshared |= np.isnan(other.point)
        typical = float(np.median(self.before)) if len(self.before) >= MIN_BEFORE else np.nan
        guess, told = np.full(len(point), typical), "the first average that says something"
        for average in averages[::-1]:
            guess = np.where(np.isnan(average), guess, average)
        if np.isfinite(typical):
            told += f", else {typical:g}, the median of {len(self.before):,} earlier results on which none did"
        rows = unshared & np.isfinite(point)
        return Alone(self.rows.dates[rows], self.actual[rows], point[rows], guess[rows], told)

    def masks(self) -> Iterator[tuple[str, Mask]]:
        """Populations by name, then the tiers of the population, told by the mean of the versions' predictions."""
        is_points = self.rows.target == LINE_TARGET
        for name in POPULATIONS if is_points else POPULATIONS[:-1]:
            yield name, self.rows.frame.select(population_rows(name).fill_null(False)).to_series().to_numpy()
        if not is_points:
            return
        mean = np.mean([said.point for said in self.predictions], axis=0)
        tiers = tier(np.nan_to_num(mean))
        for place, name in enumerate(TIERS):
            yield name, self.rows.in_population & np.isfinite(mean) & (tiers == place)

    def slices(self) -> tuple[Slice, ...]:
        """The second version held against the first, population by population and tier by tier."""
        theirs, ours = self.predictions[0].point, self.predictions[1].point
        return tuple(
            Slice(name, self.rows.dates[mask], self.actual[mask], challenger=ours[mask], champion=theirs[mask])
            for name, mask in self.masks()
        )


def gather_rows(wiring: Wiring, models: tuple[LiveModel, ...], date_from: date | None = None) -> SameRows:
    """The rows of the newest build of the last model's feature set, from `date_from` on, after all were trained.

    There may be none. Raises RefusedError where the set has no build.
    """
    live = models[-1]
    build = _build_of(wiring, live)
    metadata = live.model.metadata
    frame = read_snapshot(wiring.engine, live.feature_set, folder=wiring.home.snapshots, build_id=build.build_id)
    everything = make_dataset(
        frame, live.feature_set, target=metadata.target, population=metadata.population, build_id=build.build_id
    )
    first = first_unseen_date(models, date_from)
    rows = everything if first is None else _from(everything, first)
    predictions = tuple(model.model.predict(_matrix_for(wiring, model, rows)) for model in models)
    before = _results_without_averages(everything, first)
    return SameRows(rows, everything.dates[everything.in_population], before, models, predictions)


def load(wiring: Wiring, version: ModelVersion) -> LiveModel:
    """The version, verified."""
    return load_live(version, stage_of(wiring.engine, version.version, version.model_name), wiring.home)


def first_unseen_date(models: tuple[LiveModel, ...], date_from: date | None = None) -> date | None:
    """The day after the last training of them all, or `date_from` where that is later; None: every date is unseen."""
    seen = [model.version.train_to + timedelta(days=1) for model in models if model.version.train_to]
    return max([*seen, *([date_from] if date_from else [])], default=None)


def first_validated_date(live: LiveModel) -> date | None:
    """The first of the version's validation dates; where it does not say, the first that its own figures are about."""
    validated = live.model.metadata.date_range.get("validated")
    told = [validated[0]] if validated else [metric["date_from"] for metric in live.version.metrics]
    return min(map(date.fromisoformat, told), default=None)


def _build_of(wiring: Wiring, live: LiveModel) -> Build:
    build = current_build(wiring.engine, live.feature_set)
    if build is None:
        raise RefusedError(f"{live.feature_set.name} has no build.", remedy="Run `tipoff features backfill`.")
    return build


def _from(rows: Dataset, first: date) -> Dataset:
    """The rows from `first` on; the hash stays that of the whole."""
    frame = rows.frame.filter(pl.col("game_date") >= first)
    return Dataset(frame, rows.feature_set, rows.target, rows.population, rows.build_id, rows.sha256)


def _averages(rows: Dataset) -> Floats:
    """What each baseline says of every row, (baselines, n), NaN = nothing."""
    return np.stack(list(baseline_predictions(rows.frame, rows.feature_set.names, rows.target).values()))


def _results_without_averages(rows: Dataset, first: date | None) -> Floats:
    """The results of the rows before `first` on which no average says anything."""
    if first is None:
        return np.empty(0)
    nobody = np.isnan(_averages(rows)).all(axis=0) & (rows.dates < np.datetime64(first))
    return rows.frame["target"].to_numpy()[nobody]


def _matrix_for(wiring: Wiring, live: LiveModel, rows: Dataset) -> Floats:
    """What the model reads of the same player-games, in the same order, from its own feature set's rows."""
    names = live.model.metadata.features
    if live.feature_set == rows.feature_set or rows.frame.is_empty():
        return rows.matrix(names) if live.feature_set == rows.feature_set else np.empty((0, len(names)))
    span = rows.frame["game_date"]
    own = read_snapshot(
        wiring.engine,
        live.feature_set,
        folder=wiring.home.snapshots,
        date_from=span.min(),  # type: ignore[arg-type]  # dates
        date_to=span.max(),  # type: ignore[arg-type]  # dates
    )
    key = ["game_id", "player_id"]
    joined = rows.frame.select(key).join(own.select(*key, *names), on=key, how="left", maintain_order="left")
    matrix: Floats = joined.select(pl.col(names).cast(pl.Float64)).to_numpy().astype(np.float64)
    return matrix
