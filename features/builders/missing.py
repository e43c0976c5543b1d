"""Why a row's NULLs are NULL, in one short text a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

NO_SOURCE = "no_source"
NO_HISTORY = "no_history"

_BITS = 62
"""Columns a word: what a signed 64-bit number holds, and the sum of them all stays positive."""

_ROWS_AT_ONCE = 100_000
"""The numbers of all columns are there at once before they are summed up: of that many rows, not of 25 seasons."""


def missing_text(
    values: pl.DataFrame, has_history: pl.Series, reasons: Mapping[str, str], absent: set[str]
) -> pl.Series:
    """For each row `reason:name,name;reason:name` over the columns of `values` that are NULL; '' where none is.

    `absent` columns are NULL because their source was never ingested (no_source); in a row without an active game
    behind it a column is NULL for that (no_history); else for its own reason in `reasons`.
    """
    starts = range(0, values.width, _BITS)
    words = [_null_bits(values.columns[start : start + _BITS]).alias(f"nulls_{start}") for start in starts]
    parts = (values[start : start + _ROWS_AT_ONCE] for start in range(0, max(values.height, 1), _ROWS_AT_ONCE))
    nulls = pl.concat(part.select(words) for part in parts)
    patterns = nulls.with_columns(has_history.alias("has_history"))
    texts = patterns.unique().with_columns(
        pl.struct(pl.all())
        .map_elements(lambda row: _text(row, values.columns, reasons, absent), return_dtype=pl.String)
        .alias("missing")
    )
    return patterns.join(texts, on=patterns.columns, how="left", maintain_order="left")["missing"]


def _null_bits(names: Sequence[str]) -> pl.Expr:
    """One whole number that tells which of at most `_BITS` columns are NULL."""
    return pl.sum_horizontal(pl.col(name).is_null().cast(pl.Int64) * (1 << place) for place, name in enumerate(names))


def _text(row: Mapping[str, int], names: Sequence[str], reasons: Mapping[str, str], absent: set[str]) -> str:
    by_reason: dict[str, list[str]] = {}
    for place, name in enumerate(names):
        if row[f"nulls_{place - place % _BITS}"] >> place % _BITS & 1:
            own = reasons[name] if row["has_history"] else NO_HISTORY
            by_reason.setdefault(NO_SOURCE if name in absent else own, []).append(name)
    return ";".join(f"{reason}:{','.join(columns)}" for reason, columns in by_reason.items())
