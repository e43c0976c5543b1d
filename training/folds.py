"""The walk-forward folds that a trial is judged by: all of them lie before the validation block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contracts.errors import UsageError
from contracts.settings import TrainingSettings
from systems.base import Rows, System
from training.dataset import Dataset, choose_columns
from training.splits import Span, Split, cut_last, days_of
from training.walk_forward import Retrain, refuse_in_sample, walk_forward


@dataclass(frozen=True)
class Fold:
    """Rows to learn from, to stop by and to be judged on, each block later than the one before it."""

    split: Split
    features: list[str]
    train: Rows
    tune: Rows
    test: Rows


def cut_folds(dataset: Dataset, settings: TrainingSettings) -> list[Split]:
    """`settings.sweep_folds` splits over the last `settings.sweep_share` of the dates of `dataset`, in order of time.

    Each tests a block of dates and learns from all dates before it but the embargo; no date is tested twice.
    Raises UsageError where there are too few dates.
    """
    learnable = dataset.in_population
    before, tested = cut_last(days_of(dataset.dates[learnable]), settings.sweep_share)
    if len(tested) < settings.sweep_folds or len(before) < 2:
        raise UsageError(
            f"{len(before) + len(tested)} dates come before validation: too few for {settings.sweep_folds} folds over "
            f"the last {settings.sweep_share:.0%} of them.",
            remedy="Set training.sweep_folds lower, learn from earlier on, or `tipoff ingest` more games.",
        )
    places = np.array_split(np.arange(len(tested)), settings.sweep_folds)
    blocks = [Span(tested[block[0]], tested[block[-1]]) for block in places]
    return [split for block in blocks for split in _fold(dataset, block, settings)]


def lay_out(dataset: Dataset, splits: list[Split], system: System) -> list[Fold]:
    """The rows of each fold, once for all trials; `system` says which columns it wants.

    Columns without a value in the rows that a fold learns from are left out of it; sparse ones are refused where the
    winner is trained, on all rows, since early folds know less. Raises UsageError for a column that the system cannot
    do without, RefusedError for a fold that would learn from what it tests.
    """
    return [_lay_out(dataset, split, system) for split in splits]


def _fold(dataset: Dataset, block: Span, settings: TrainingSettings) -> list[Split]:
    return walk_forward(
        dataset.dates,
        dataset.in_population,
        block,
        retrain=Retrain.NONE,
        tune_share=settings.tune_share,
        embargo_days=settings.embargo_days,
        window_days=settings.window_days,
    )


def _lay_out(dataset: Dataset, split: Split, system: System) -> Fold:
    learnable, learned = dataset.learnable(system), split.mask(dataset.dates, split.train, split.tune)
    columns = choose_columns(dataset, dataset.in_population & learned, system.copied_features(dataset.target))
    features = system.choose_features(columns.present, dataset.target)
    train, tune, test = (
        dataset.rows(features, rows & split.mask(dataset.dates, block))
        for rows, block in (
            (learnable, split.train),
            (learnable, split.tune),
            (dataset.in_population, split.validation),
        )
    )
    refuse_in_sample(dataset.dates[learnable & learned], test.dates)
    return Fold(split, features, train, tune, test)
