"""Export: a build's rows as one parquet file, for whoever trains elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from contracts.clock import season_name
from contracts.errors import UnavailableError
from contracts.feature_set import FeatureSet
from contracts.files import write_rows
from features.table.builds import current_build
from features.table.rows import read_rows

FACTS = ("game_id", "player_id", "game_date", "season", "team_id", "state")
LABELS = ("minutes", "points")


@dataclass(frozen=True)
class ExportReport:
    """What was written: rows of which build, made by which definitions."""

    rows: int
    build_id: int
    feature_set: str
    feature_set_hash: str
    path: str


def export(engine: sa.Engine, feature_set: FeatureSet, path: str | Path, build_id: int | None = None) -> ExportReport:
    """Write every row of build `build_id` (None: the newest that is done) to the parquet file `path`.

    Columns: game_id (10-character text), player_id (integer), game_date, season ('2023-24'), team_id, state, the
    features by name in order, minutes, points (NULL where not played). What is missing is NULL, never NaN. The file
    appears whole or not at all.

    Raises UsageError where `path` cannot be written or there is no such finished build, UnavailableError where
    nothing is built.
    """
    build_id = build_id if build_id is not None else _newest(engine, feature_set)
    rows = read_rows(engine, feature_set, build_id=build_id, columns=[*FACTS, *feature_set.names, *LABELS])
    names = {year: season_name(year) for year in rows["season"].unique().to_list()}
    write_rows(rows.with_columns(pl.col("season").replace_strict(names, return_dtype=pl.String)), Path(path))
    return ExportReport(rows.height, build_id, feature_set.name, feature_set.hash, str(path))


def _newest(engine: sa.Engine, feature_set: FeatureSet) -> int:
    build = current_build(engine, feature_set)
    if build is None:
        raise UnavailableError(
            f"The feature table of {feature_set.name} is not built: there is nothing to export.",
            remedy=f"Run `tipoff features backfill --feature-set {feature_set.name}`.",
        )
    return build.build_id
