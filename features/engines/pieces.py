"""Pieces of the facts by buckets of a key: what a stage is given where the work is spread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import polars as pl

from features.builders.spread import Key, Spread, Stage
from features.raw.facts import RawFacts


def in_buckets(n: int) -> Spread:
    """Every stage run once a bucket, one after the other in this process; `n` buckets, some perhaps empty."""

    def spread(stage: Stage, raw: RawFacts, key: Key, order: Sequence[str]) -> pl.DataFrame:
        return pl.concat(stage(piece) for piece in _pieces(raw, key, n)).sort(order)

    return spread


def tables_to_cut(raw: RawFacts, key: Key) -> dict[str, pl.DataFrame]:
    """The raw tables that have the column `key`, by name; the others are whole in every piece."""
    frames = {field.name: getattr(raw, field.name) for field in fields(raw)}
    return {name: frame for name, frame in frames.items() if isinstance(frame, pl.DataFrame) and key in frame.columns}


def with_tables(raw: RawFacts, tables: Mapping[str, pl.DataFrame]) -> RawFacts:
    """`raw` with other rows in some of its tables."""
    changes: dict[str, Any] = dict(tables)
    return replace(raw, **changes)


def without_rows(raw: RawFacts, key: Key) -> RawFacts:
    """`raw` with none of the rows that are cut by `key`: what is common to all pieces."""
    return with_tables(raw, {name: frame.clear() for name, frame in tables_to_cut(raw, key).items()})


def _pieces(raw: RawFacts, key: Key, n: int) -> Iterator[RawFacts]:
    tables = tables_to_cut(raw, key)
    for bucket in range(n):
        yield with_tables(raw, {name: t.filter(pl.col(key).hash() % n == bucket) for name, t in tables.items()})
