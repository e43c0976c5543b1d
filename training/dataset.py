"""What a model learns from and is held against: the labelled rows of one build, and a hash over all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import sqlalchemy as sa

from contracts.errors import RefusedError, UnavailableError, UsageError
from contracts.feature_set import FeatureSet
from contracts.metrics import Floats
from contracts.populations import LINE_TARGET
from contracts.populations import population as population_rows
from contracts.settings import Settings, TrainingSettings
from contracts.tables import FEATURE_ROW_LABELS
from features.table.line_prices import read_line_probabilities
from features.table.rows import current_build, read_rows, stale_dates
from features.table.snapshot import read_snapshot
from systems.base import Rows, System

KEYS = ("game_date", "game_id", "player_id")
TOLD_BY = ("state", "is_expected", "n_active_games_season", "minutes_avg_last_10_active", "line")
"""What populations are told by."""

PRICES = "line_over_probability"
"""What the books' prices say: a figure to be held against, which stands in no feature set."""

BACKFILL = "Build the rows: `tipoff features backfill --feature-set {name}`."


@dataclass(frozen=True)
class Dataset:
    """The played rows (minutes > 0, result known) of one build, sorted by game_date, game_id, player_id.

    `frame` has those keys, what populations are told by, the features in the set's order (Float64, NULL = missing),
    `target` (the result, Float64), `in_population` (Boolean), and `line_over_probability` where prices were read: what
    the books' say of going over the line, margin taken out (NULL: no price); it is held against, and no feature.
    `sha256` is over every row: ids, features, results.
    """

    frame: pl.DataFrame
    feature_set: FeatureSet
    target: str
    population: str
    build_id: int
    sha256: str

    @property
    def dates(self) -> npt.NDArray[np.datetime64]:
        """game_date of every row, datetime64[D] (n,)."""
        return self.frame["game_date"].to_numpy().astype("datetime64[D]")

    @property
    def in_population(self) -> npt.NDArray[np.bool_]:
        """Which rows the model is trained for and judged by, (n,)."""
        return self.frame["in_population"].to_numpy()

    def learnable(self, system: System) -> npt.NDArray[np.bool_]:
        """Which rows `system` may learn from, (n,): its population's, and those that it wants besides."""
        rows = [population_rows(name).fill_null(False) for name in self.learned_populations(system)]
        return self.frame.select(pl.any_horizontal(rows)).to_series().to_numpy()

    def learned_populations(self, system: System) -> list[str]:
        """The names of the populations that `system` learns from, the one it is trained for first."""
        return list(dict.fromkeys((self.population, *system.learns_besides)))

    def matrix(self, features: list[str]) -> Floats:
        """Columns `features` of every row, float64 (n, k), NaN = missing."""
        return self.frame.select(features).to_numpy().astype(np.float64).reshape(len(self.frame), len(features))

    def rows(self, features: list[str], chosen: npt.NDArray[Any]) -> Rows:
        """The chosen rows, by mask (n,) or by place, as a system takes them."""
        return Rows(self.matrix(features)[chosen], self.frame["target"].to_numpy()[chosen], self.dates[chosen])


@dataclass(frozen=True)
class Columns:
    """Which columns of the set hold values in the rows that are learned from.

    `present` in the set's order; `absent` have no value at all; `coverage` is each column's share (0-1) of values.
    """

    present: list[str]
    absent: list[str]
    coverage: dict[str, float]


def load_dataset(
    engine: sa.Engine,
    feature_set: FeatureSet,
    settings: Settings,
    *,
    population: str,
    date_from: date | None = None,
    date_to: date | None = None,
    build_id: int | None = None,
    snapshots: Path | None = None,
) -> Dataset:
    """The dataset of the newest build of `feature_set`, within the given dates.

    `build_id` names another build, whose rows are taken as they are: what was true when it was made need not be now.
    `snapshots` is the folder through which the rows are read (features.table.snapshot); None: from the database.
    Raises UsageError for an unknown target or population, UnavailableError where nothing is built, RefusedError where
    rows are stale or hold a value that is not finite.
    """
    if build_id is None:
        build_id = _fresh_build(engine, feature_set, settings)
    target = settings.training.target
    _check_target(target, feature_set)
    read = read_rows if snapshots is None else partial(read_snapshot, folder=snapshots)
    frame = read(
        engine,
        feature_set,
        build_id=build_id,
        date_from=date_from,
        date_to=date_to,
        columns=[*KEYS, *TOLD_BY, *feature_set.names, target],
    )
    if target == LINE_TARGET:
        frame = frame.with_columns(read_line_probabilities(engine, settings, frame))
    return make_dataset(frame, feature_set, target=target, population=population, build_id=build_id)


def make_dataset(
    frame: pl.DataFrame, feature_set: FeatureSet, *, target: str, population: str, build_id: int
) -> Dataset:
    """The dataset of feature rows `frame` (the feature table's columns, any order of rows).

    Raises UsageError for an unknown target or population, RefusedError where a target is among the features or a
    value is not finite.
    """
    _check_target(target, feature_set)
    labelled = (
        frame.filter((pl.col("state") == "played") & pl.col(target).is_not_null())
        .sort(KEYS)
        .select(
            *KEYS,
            *TOLD_BY,
            *(pl.col(name) for name in frame.columns if name == PRICES),
            *(pl.col(name).cast(pl.Float64) for name in feature_set.names),
            pl.col(target).cast(pl.Float64).alias("target"),
            population_rows(population).fill_null(False).alias("in_population"),
        )
    )
    _refuse_not_finite(labelled, feature_set.names)
    return Dataset(labelled, feature_set, target, population, build_id, _sha256(labelled, feature_set, target))


def choose_columns(dataset: Dataset, learned_from: npt.NDArray[np.bool_], copied: Sequence[str] = ()) -> Columns:
    """The columns with values in the rows that are learned from, (n,) bool.

    A column whose source was never ingested, or that is known for later dates only, has none: it is absent. Of a
    `copied` column nothing is learned (System.copied_features), so that a value in any row will do.
    """
    frame = dataset.frame.filter(pl.Series(learned_from))
    coverage = {name: 1 - frame[name].null_count() / max(1, frame.height) for name in dataset.feature_set.names}
    there = {name for name in copied if name in coverage and dataset.frame[name].null_count() < dataset.frame.height}
    present = [name for name, share in coverage.items() if share > 0 or name in there]
    return Columns(present, [name for name in coverage if name not in present], coverage)


def refuse_low_coverage(columns: Columns, used: list[str], settings: TrainingSettings) -> None:
    """Nothing, if every column in use has values for a large enough share of the rows.

    Raises RefusedError naming each that has not, its share and its limit.
    """
    faults = [
        f"{name} has values in {columns.coverage[name]:.1%} of the rows and needs {limit:.0%}"
        for name in used
        if columns.coverage[name] < (limit := settings.min_coverage_of.get(name, settings.min_coverage))
    ]
    if faults:
        raise RefusedError(
            f"Features too sparse to train on: {'; '.join(faults)}.",
            remedy="Ingest their source and run `tipoff features backfill`, or set training.min_coverage_of in conf/.",
        )


def prices_sha256(dataset: Dataset) -> str:
    """SHA-256 (hex) over what the books' prices say of the rows: no feature, but figures are held against it."""
    if PRICES not in dataset.frame.columns:
        return hashlib.sha256().hexdigest()
    values = dataset.frame[PRICES].cast(pl.Float64).fill_null(np.nan).to_numpy().astype("<f8")
    values[np.isnan(values)] = np.nan
    return hashlib.sha256(values.tobytes()).hexdigest()


def _fresh_build(engine: sa.Engine, feature_set: FeatureSet, settings: Settings) -> int:
    """The number of the newest build, none of whose dates are stale."""
    build = current_build(engine, feature_set)
    if build is None:
        raise UnavailableError(
            f"No build of {feature_set.name} is done.", remedy=BACKFILL.format(name=feature_set.name)
        )
    _refuse_stale(stale_dates(engine, feature_set, settings), feature_set.name)
    return build.build_id


def _check_target(target: str, feature_set: FeatureSet) -> None:
    if target not in FEATURE_ROW_LABELS:
        raise UsageError(
            f"The target {target!r} is none.", remedy=f"Set training.target to one of {', '.join(FEATURE_ROW_LABELS)}."
        )
    leaks = [name for name in feature_set.names if name in FEATURE_ROW_LABELS]
    if leaks:
        raise RefusedError(f"{feature_set.name} has results of the game itself as features: {', '.join(leaks)}.")


def _refuse_stale(dates: list[date], feature_set: str) -> None:
    if dates:
        raise RefusedError(
            f"{len(dates)} dates of {feature_set} are stale, {min(dates)} to {max(dates)}: their rows were made by "
            "other code or from other facts than there are now.",
            remedy=BACKFILL.format(name=feature_set),
        )


def _refuse_not_finite(frame: pl.DataFrame, names: list[str]) -> None:
    counts = frame.select(pl.col(*names, "target").is_finite().not_().sum()).row(0, named=True)
    faults = [f"{name} in {count} rows" for name, count in counts.items() if count]
    if faults:
        raise RefusedError(
            f"Values that are infinite or NaN: {', '.join(faults)}; a missing value is NULL.",
            remedy="Build the rows again: `tipoff features backfill --rebuild`.",
        )


def _sha256(frame: pl.DataFrame, feature_set: FeatureSet, target: str) -> str:
    """SHA-256 (hex) over what the rows are and all their values; the same for the same rows on any database."""
    digest = hashlib.sha256(f"{feature_set.hash}\n{target}\n{frame.height}\n".encode())
    digest.update("\n".join(frame["game_id"].to_list()).encode())
    digest.update(frame["player_id"].cast(pl.Int64).to_numpy().astype("<i8").tobytes())
    digest.update(frame["game_date"].to_numpy().astype("datetime64[D]").astype("<i8").tobytes())
    digest.update(np.packbits(frame["in_population"].to_numpy()).tobytes())
    for name in (*feature_set.names, "target"):
        values = frame[name].to_numpy().astype("<f8") + 0.0  # -0.0 and 0.0 are one value
        values[np.isnan(values)] = np.nan  # one NaN of the many
        digest.update(values.tobytes())
    return digest.hexdigest()
