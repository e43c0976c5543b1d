"""A build's rows as a Parquet file that its first reader leaves behind: read once by SQL, then many times at once.

A build never changes once it is done, so neither does its snapshot. The file's name tells the build (its number, its
definitions, code and times: a build of another database is another file) and the SHA-256 of its own bytes: one that
was cut short or altered is none, and is made again.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from datetime import date
from io import BytesIO
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from contracts.feature_set import FeatureSet
from features.table.builds import Build
from features.table.rows import find_build, read_rows, wanted_columns

KEPT = 3
"""Snapshots of one feature set that stay, the newest: a build a day must not fill the disk."""


def read_snapshot(
    engine: sa.Engine,
    feature_set: FeatureSet,
    *,
    folder: Path,
    build_id: int | None = None,
    date_from: date | None = None,
    date_to: date | None = None,
    columns: Sequence[str] | None = None,
) -> pl.DataFrame:
    """What `read_rows` returns for the same arguments, by way of the snapshot in `folder` (made where absent).

    Raises what `read_rows` does; OSError where the snapshot cannot be written.
    """
    build = find_build(engine, feature_set, build_id)
    wanted = wanted_columns(feature_set, columns)
    content = _content(folder, build)
    if content is None:
        content = _write(folder, build, read_rows(engine, feature_set, build_id=build.build_id))
    first, last = date_from or date.min, date_to or date.max
    rows = pl.read_parquet(BytesIO(content), columns=list(dict.fromkeys([*wanted, "game_date"])))
    return rows.filter(pl.col("game_date").is_between(first, last)).select(wanted)


def _content(folder: Path, build: Build) -> bytes | None:
    """The bytes of the build's snapshot, if there is one and it is whole."""
    for path in folder.glob(f"{_stem(build)}-*.parquet"):
        content = path.read_bytes()
        if path.stem.endswith(hashlib.sha256(content).hexdigest()):
            return content
    return None


def _write(folder: Path, build: Build, rows: pl.DataFrame) -> bytes:
    """The bytes of a new snapshot, put in its place in one step; older ones beyond KEPT are deleted."""
    buffer = BytesIO()
    rows.write_parquet(buffer, compression="lz4")
    content = buffer.getvalue()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as part:
        part.write(content)
    os.replace(part.name, folder / f"{_stem(build)}-{hashlib.sha256(content).hexdigest()}.parquet")
    for old in sorted(folder.glob(f"{build.feature_set}-*.parquet"), key=os.path.getmtime)[:-KEPT]:
        old.unlink(missing_ok=True)
    return content


def _stem(build: Build) -> str:
    identity = hashlib.sha256(repr(build).encode()).hexdigest()[:16]
    return f"{build.feature_set}-build-{build.build_id}-{identity}"
