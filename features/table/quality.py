"""What a build's rows must look like before they are written: a constant column or a glimpse of the future fails it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl
import polars.selectors as cs

from contracts.errors import RefusedError
from contracts.feature_set import Feature, FeatureSet
from contracts.settings import FeatureSettings
from features.builders.future import refuse_future_sources
from features.table.builds import FEATURE_STORE

NO_SOURCE = "no_source"
"""The reason of a value that is NULL because its source was never ingested."""

MIN_VALUES = 30
"""Fewer values than this can be equal by chance."""


@dataclass(frozen=True)
class Finding:
    """Something a person should know about a column; the values stay as they are."""

    column: str
    kind: str
    detail: str


def check_rows(
    frames: Mapping[str, pl.DataFrame],
    feature_set: FeatureSet,
    settings: FeatureSettings,
    had_values: Collection[str] = (),
) -> list[Finding]:
    """What is noteworthy about the computed rows: columns out of range, absent, or without a value.

    `frames` are the builders' frames by name; `had_values` names the features that the current rows of the same
    dates have values of.

    Raises RefusedError, naming every column: where a row knows something of its own date or later, where a value is
    not a number, where a feature is constant or lost its values in a build of `constant_column_min_rows` or more.
    """
    for name, frame in frames.items():
        refuse_future_sources(name, frame)
        refuse_not_a_number(name, frame)
    rows = frames[FEATURE_STORE]
    if rows.height >= settings.constant_column_min_rows:
        _refuse_constant(rows, feature_set)
        _refuse_lost(rows, feature_set, had_values)
    return [*_out_of_range(rows, feature_set), *_without_values(rows, feature_set)]


def refuse_not_a_number(name: str, frame: pl.DataFrame) -> None:
    """Raise RefusedError where a value is NaN or infinite: what is missing is NULL."""
    counts = frame.select((~cs.float().is_finite()).sum())
    faulty = {column: n for column, n in counts.row(0, named=True).items() if n} if counts.height else {}
    if faulty:
        told = ", ".join(f"{column} ({n} rows)" for column, n in faulty.items())
        raise RefusedError(
            f"{name}: NaN or infinite values in {told}.",
            remedy="A missing value is NULL: mend the builder; nothing was written.",
        )


def empty_features(rows: pl.DataFrame, feature_set: FeatureSet) -> list[str]:
    """The features that are NULL in every row, in order."""
    return [name for name in feature_set.names if rows[name].null_count() == rows.height]


def absent_features(rows: pl.DataFrame, feature_set: FeatureSet) -> list[str]:
    """The features that are NULL in every row because their source was never ingested, in order."""
    reasons = _reasons(rows)
    return [name for name in empty_features(rows, feature_set) if reasons.get(name) == {NO_SOURCE}]


def _refuse_constant(rows: pl.DataFrame, feature_set: FeatureSet) -> None:
    faults = []
    for feature in feature_set.features:
        values = rows[feature.name].drop_nulls()
        if not feature.may_be_constant and len(values) >= MIN_VALUES and values.n_unique() == 1:
            faults.append(f"{feature.name} is {values[0]:g} in all of its {len(values)} values")
    if faults:
        raise RefusedError(
            f"Constant columns in a build of {rows.height} rows: {'; '.join(faults)}.",
            remedy="Look at the builder and its source; the earlier build stays current.",
        )


def _refuse_lost(rows: pl.DataFrame, feature_set: FeatureSet, had_values: Collection[str]) -> None:
    lost = [name for name in empty_features(rows, feature_set) if name in had_values]
    if lost:
        raise RefusedError(
            f"Columns that had values and lost them in a build of {rows.height} rows: {', '.join(lost)}.",
            remedy="Look at the builder and its source; the earlier build stays current.",
        )


def _out_of_range(rows: pl.DataFrame, feature_set: FeatureSet) -> list[Finding]:
    findings = []
    for feature in feature_set.features:
        values = rows[feature.name].drop_nulls()
        n_outside = int(_is_outside(values, feature).sum())
        if n_outside:
            allowed = f"{_bound(feature.low)} to {_bound(feature.high)}"
            seen = f"{values.min()!r} to {values.max()!r}"
            findings.append(Finding(feature.name, "out_of_range", f"{n_outside} rows outside {allowed}: {seen}"))
    return findings


def _without_values(rows: pl.DataFrame, feature_set: FeatureSet) -> list[Finding]:
    if rows.is_empty():
        return []
    absent = absent_features(rows, feature_set)
    reasons = _reasons(rows)
    return [
        Finding(name, "absent", "its source was never ingested")
        if name in absent
        else Finding(name, "no_values", f"NULL in all {rows.height} rows: {', '.join(sorted(reasons.get(name, ())))}")
        for name in empty_features(rows, feature_set)
    ]


def _is_outside(values: pl.Series, feature: Feature) -> pl.Series:
    low = float("-inf") if feature.low is None else feature.low
    high = float("inf") if feature.high is None else feature.high
    return ~values.is_between(low, high)


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def _reasons(rows: pl.DataFrame) -> dict[str, set[str]]:
    """Feature -> the reasons for which rows lack it, from the text `reason:name,name;reason:name`."""
    reasons: dict[str, set[str]] = {}
    for text in rows["missing"].unique().to_list():
        for part in filter(None, text.split(";")):
            reason, _, names = part.partition(":")
            for name in names.split(","):
                reasons.setdefault(name, set()).add(reason)
    return reasons
