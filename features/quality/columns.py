"""Gates that need nothing but the build's own rows: ranges, NULLs, defaults that stand in for them, constants."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl
import polars.selectors as cs

from contracts.errors import RefusedError
from contracts.feature_set import Feature, FeatureSet
from contracts.settings import QualitySettings
from features.builders.missing import NO_SOURCE
from features.quality.verdict import Bench


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


def absent_features(rows: pl.DataFrame, feature_set: FeatureSet) -> list[str]:
    """The features that are NULL in every row because their source was never ingested, in order."""
    reasons = _reasons(rows)
    return [name for name in _empty_features(rows, feature_set) if reasons.get(name) == {NO_SOURCE}]


def judge_columns(
    bench: Bench, rows: pl.DataFrame, feature_set: FeatureSet, had_values: Collection[str], settings: QualitySettings
) -> None:
    """Every gate of this module over `rows` of the feature table.

    `had_values` names the features that earlier rows of the same dates or the same stage have values of.
    """
    _judge_ranges(bench, rows, feature_set, settings)
    _judge_emptiness(bench, rows, feature_set, had_values, settings)
    _judge_nulls(bench, rows, feature_set, settings)
    _judge_filled(bench, rows, feature_set, settings)
    _judge_constants(bench, rows, feature_set, settings)


def _judge_ranges(bench: Bench, rows: pl.DataFrame, feature_set: FeatureSet, settings: QualitySettings) -> None:
    """Share of values outside what the definition, or else conf/, allows; any at all is told."""
    bounds = {feature.name: _bounds(feature, settings) for feature in feature_set.features}
    outside = _counts(rows, [(~pl.col(name).is_between(*ends)).sum().alias(name) for name, ends in bounds.items()])
    known = _counts(rows, [pl.col(feature_set.names).count()])
    for name, n_outside in outside.items():
        if not known[name]:
            continue
        share = n_outside / known[name]
        low, high = bounds[name]
        seen = f"{rows[name].min()!r} to {rows[name].max()!r}" if n_outside else ""
        detail = f"{n_outside} rows outside {low:g} to {high:g}: {seen}"
        is_judged = known[name] >= settings.min_values and share > settings.max_out_of_range
        if n_outside and not is_judged:
            bench.watch("out_of_range", name, detail)
        else:
            bench.at_most("out_of_range", share, settings.max_out_of_range, column=name, detail=detail)


def _judge_emptiness(
    bench: Bench, rows: pl.DataFrame, feature_set: FeatureSet, had_values: Collection[str], settings: QualitySettings
) -> None:
    """A column without any value: fails where it had some, else it is told why it has none."""
    if rows.is_empty():
        return
    reasons, n_over = _reasons(rows), rows.filter(pl.col("state") != "scheduled").height
    for name in _empty_features(rows, feature_set):
        told = ", ".join(sorted(reasons.get(name, ())))
        if name in had_values and n_over >= settings.min_pairs:
            detail = f"NULL in all {rows.height} rows ({told}); it had values before"
            bench.at_most("lost_values", 1.0, 0.0, column=name, detail=detail)
        elif reasons.get(name) == {NO_SOURCE}:
            bench.watch("absent", column=name, detail="its source was never ingested")
        else:
            bench.watch("no_values", column=name, detail=f"NULL in all {rows.height} rows: {told}")


def _judge_nulls(bench: Bench, rows: pl.DataFrame, feature_set: FeatureSet, settings: QualitySettings) -> None:
    """NULL share among established players: of those who played often this season nearly all is known."""
    established = rows.filter(pl.col("n_active_games_season") >= settings.established_games)
    if established.height < settings.min_rows:
        bench.not_judged("null_share", established.height, settings.min_rows, "rows of established players")
        return
    empty = _empty_features(rows, feature_set)
    for name in feature_set.names:
        if name in empty:
            continue
        limit = settings.max_null_share_of.get(name, settings.max_null_share)
        share = established[name].null_count() / established.height
        detail = f"NULL in {share:.1%} of {established.height} rows of players with {settings.established_games}+ games"
        bench.at_most("null_share", share, limit, column=name, detail=detail)


def _judge_filled(bench: Bench, rows: pl.DataFrame, feature_set: FeatureSet, settings: QualitySettings) -> None:
    """Values in rows of players without a recent game, where the definition says NULL: a default in its place."""
    nothing_known = rows.filter(pl.col("minutes_avg_last_10_active").is_null())
    if nothing_known.height < settings.min_values:
        bench.not_judged("filled_nulls", nothing_known.height, settings.min_values, "rows without recent games")
        return
    for feature in feature_set.features:
        if feature.null_reason is None:
            continue
        share = 1 - nothing_known[feature.name].null_count() / nothing_known.height
        detail = f"values in {share:.1%} of {nothing_known.height} rows of players without a recent game"
        detail += " (minutes_avg_last_10_active is NULL): NULL is due"
        bench.at_most("filled_nulls", share, settings.max_filled_share, column=feature.name, detail=detail)


def _judge_constants(bench: Bench, rows: pl.DataFrame, feature_set: FeatureSet, settings: QualitySettings) -> None:
    """A column of one value; `may_be_constant` exempts a feature."""
    if rows.height < settings.min_rows:
        bench.not_judged("constant", rows.height, settings.min_rows)
        return
    names = [feature.name for feature in feature_set.features if not feature.may_be_constant]
    known = _counts(rows, [pl.col(names).count()])
    moves = _counts(rows, [(pl.col(names).min() < pl.col(names).max()).cast(pl.Int64)])
    for name in names:
        if known[name] >= settings.min_values:
            detail = (
                "" if moves[name] else f"{name} is {rows[name].drop_nulls()[0]:g} in all of its {known[name]} values"
            )
            bench.at_least("constant", 1 + moves[name], 2, column=name, detail=detail)


def _bounds(feature: Feature, settings: QualitySettings) -> tuple[float, float]:
    low, high = settings.ranges.get(feature.name, (float("-inf"), float("inf")))
    return low if feature.low is None else feature.low, high if feature.high is None else feature.high


def _empty_features(rows: pl.DataFrame, feature_set: FeatureSet) -> list[str]:
    known = _counts(rows, [pl.col(feature_set.names).count()])
    return [name for name in feature_set.names if not known[name]]


def _counts(rows: pl.DataFrame, counts: list[pl.Expr]) -> dict[str, int]:
    """Column -> count, all counted in one pass."""
    return {name: int(n or 0) for name, n in rows.select(counts).row(0, named=True).items()}


def _reasons(rows: pl.DataFrame) -> dict[str, set[str]]:
    """Feature -> the reasons for which rows lack it, from the text `reason:name,name;reason:name`."""
    reasons: dict[str, set[str]] = {}
    for text in rows["missing"].unique().to_list():
        for part in filter(None, text.split(";")):
            reason, _, names = part.partition(":")
            for name in names.split(","):
                reasons.setdefault(name, set()).add(reason)
    return reasons
