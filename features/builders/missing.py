"""Why a row's NULLs are NULL, in one short text a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

NO_SOURCE = "no_source"
NO_HISTORY = "no_history"


def missing_text(
    values: pl.DataFrame, has_history: pl.Series, reasons: Mapping[str, str], absent: set[str]
) -> pl.Series:
    """For each row `reason:name,name;reason:name` over the columns of `values` that are NULL; '' where none is.

    `absent` columns are NULL because their source was never ingested (no_source); in a row without an active game
    behind it a column is NULL for that (no_history); else for its own reason in `reasons`.
    """
    pattern = pl.sum_horizontal(
        pl.col(name).is_null().cast(pl.Int64) * (1 << place) for place, name in enumerate(values.columns)
    )
    patterns = values.select(pattern.alias("nulls")).with_columns(has_history.alias("has_history"))
    texts = patterns.unique().with_columns(
        pl.struct("nulls", "has_history")
        .map_elements(lambda row: _text(row, values.columns, reasons, absent), return_dtype=pl.String)
        .alias("missing")
    )
    return patterns.join(texts, on=["nulls", "has_history"], how="left", maintain_order="left")["missing"]


def _text(row: Mapping[str, int], names: Sequence[str], reasons: Mapping[str, str], absent: set[str]) -> str:
    by_reason: dict[str, list[str]] = {}
    for place, name in enumerate(names):
        if row["nulls"] >> place & 1:
            own = reasons[name] if row["has_history"] else NO_HISTORY
            by_reason.setdefault(NO_SOURCE if name in absent else own, []).append(name)
    return ";".join(f"{reason}:{','.join(columns)}" for reason, columns in by_reason.items())
