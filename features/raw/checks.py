"""Checks: what is wrong with a row of a source, in a sentence with its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from features.sources.layouts import Layout

REJECTS = {"source": pl.Int64, "row": pl.Int64, "reason": pl.String, "sentence": pl.String}
"""A frame of rejects: one line per row and reason; `reason` is what is counted, `sentence` has the values."""


@dataclass(frozen=True)
class Check:
    """A rule that a row may break: `broken` (boolean; NULL counts as kept) and the `sentence` for a row that does."""

    reason: str
    broken: pl.Expr
    sentence: pl.Expr


def rejects_of(rows: pl.DataFrame, checks: Sequence[Check]) -> pl.DataFrame:
    """The rejects of `rows` (with `source` and `row`) by every check: columns as REJECTS."""
    flags = rows.select(check.broken.fill_null(value=False).alias(check.reason) for check in checks)
    found = [
        rows.filter(flags[check.reason]).select(
            "source", "row", pl.lit(check.reason).alias("reason"), check.sentence.alias("sentence")
        )
        for check in checks
        if flags[check.reason].any()
    ]
    return pl.concat([pl.DataFrame(schema=REJECTS), *found])


def without(rows: pl.DataFrame, rejects: pl.DataFrame) -> pl.DataFrame:
    """The rows that no reject names."""
    return rows.join(rejects, on=["source", "row"], how="anti") if rejects.height else rows


def drop_duplicates(rows: pl.DataFrame, layout: Layout) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows with equal keys and values once (the last), and rejects for those whose values differ.

    Sources of one call have no order, so nobody can say which of two that differ is the right one.
    """
    key = list(layout.key)
    values = [name for name in rows.columns if name not in ("source", "row")]
    distinct = rows.unique(values, keep="last", maintain_order=True)
    conflicting = distinct.filter(pl.struct(key).is_duplicated()).select(key).unique()
    if conflicting.is_empty():
        return distinct, pl.DataFrame(schema=REJECTS)
    conflict = Check(
        "the same key with other values",
        pl.lit(value=True),
        pl.format(
            "{} stands {} times with other values: give the rows that correct in a later call",
            pl.concat_str([pl.format(f"{name} {{}}", pl.col(name)) for name in key], separator=", "),
            pl.len().over(key),
        ),
    )
    rejects = rejects_of(rows.join(conflicting, on=key, how="semi"), [conflict])
    return distinct.join(conflicting, on=key, how="anti"), rejects
