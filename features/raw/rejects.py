"""Rejected rows in a file: which row of which source, why, and the row as it was given."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import polars as pl

from contracts.errors import UsageError
from features.sources.files import Source


def reasons_of(rejects: pl.DataFrame) -> dict[str, int]:
    """How many rows were rejected for each reason, most first; a row with two faults counts under both."""
    counts = rejects.group_by("reason").len().sort(["len", "reason"], descending=[True, False])
    return dict(counts.iter_rows())


def write_rejects(
    folder: Path, kind: str, sources: Sequence[Source], rejects: pl.DataFrame, undo: ExitStack
) -> Path | None:
    """The CSV of the rejected rows: source, row (1 is the first below the header), reasons, the row's own columns.

    The file is named by its content, so that the same rejects are the same file; one that is new goes again when
    `undo` is unwound. None where there are no rejects. Raises UsageError where `folder` cannot be written.
    """
    if rejects.is_empty():
        return None
    content = _rejected_rows(sources, rejects).write_csv().encode()
    path = folder / f"{kind}-{hashlib.sha256(content).hexdigest()[:12]}.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            undo.callback(path.unlink, missing_ok=True)
            half = path.with_suffix(f".{os.getpid()}.half")
            half.write_bytes(content)
            half.replace(path)
    except OSError as error:
        raise UsageError(
            f"The rejected rows cannot be kept in {folder}: {error.strerror}.",
            remedy="Set TIPOFF_HOME to a folder that you may write.",
        ) from error
    return path


def _rejected_rows(sources: Sequence[Source], rejects: pl.DataFrame) -> pl.DataFrame:
    reasons = rejects.group_by("source", "row").agg(pl.col("sentence").str.join("; ").alias("reasons"))
    parts = []
    for (index,), found in reasons.sort("source", "row").group_by("source", maintain_order=True):
        source = sources[int(str(index))]
        given = _as_text(source.frame[(found["row"] - 1).to_list()])
        named = found.select(pl.lit(source.name).alias("rejected from"), pl.col("row").alias("rejected row"), "reasons")
        parts.append(pl.concat([named.rename({"reasons": "rejected because"}), given], how="horizontal"))
    return pl.concat(parts, how="diagonal")


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Every value as text, also those that a CSV has no place for."""
    odd = [column.name for column in frame if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object)]
    told = [pl.Series(name, [None if value is None else str(value) for value in frame[name].to_list()]) for name in odd]
    return frame.with_columns(told).select(pl.all().cast(pl.String))
