"""The Spark engine: the very same functions, run by PySpark on buckets of whole games and whole players.

The facts travel as rows: the raw tables that a stage cuts are one Spark frame, each row naming its table, grouped by a
bucket of the key and handed to the stage as Arrow. What is common to all buckets travels with the function.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date
from functools import partial, reduce
from typing import TYPE_CHECKING, cast

import polars as pl
import pyarrow as pa

from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings
from features.builders.compute import compute
from features.builders.spread import Key, Stage
from features.engines.pieces import tables_to_cut, with_tables, without_rows
from features.engines.spark_session import spark_session
from features.raw.facts import RawFacts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TABLE = "raw_table"
"""The column that names the raw table a row is of."""


def compute_on_spark(
    raw: RawFacts, feature_set: FeatureSet, settings: FeatureSettings, dates: Collection[date] | None = None
) -> dict[str, pl.DataFrame]:
    """What compute returns, bit for bit, with its stages spread over `settings.spark_partitions` buckets.

    Raises what compute raises, UsageError where Spark cannot start, and TipoffError where it fails.
    """
    with spark_session(settings) as session:
        spread = partial(_spread, session, settings.spark_partitions)
        return compute(raw, feature_set, settings, dates, spread=spread)


def _spread(
    session: SparkSession, n_buckets: int, stage: Stage, raw: RawFacts, key: Key, order: Sequence[str]
) -> pl.DataFrame:
    """A spread (features.builders.spread.Spread): groupBy(bucket of the key).applyInArrow(the stage)."""
    from pyspark.sql import functions
    from pyspark.sql.pandas.types import from_arrow_schema

    common = without_rows(raw, key)
    made = _as_arrow(stage(common))
    bucket = functions.pmod(functions.xxhash64(key), functions.lit(n_buckets)).alias("bucket")
    rows = _as_spark(session, tables_to_cut(raw, key)).groupBy(bucket)
    done = rows.applyInArrow(_on_a_bucket(stage, common), from_arrow_schema(made.schema))
    return _as_polars(done.toArrow()).sort(order)


def _on_a_bucket(stage: Stage, common: RawFacts) -> Callable[[pa.Table], pa.Table]:
    """What Spark's Python workers run: the stage on the rows of one bucket, from Arrow to Arrow."""

    def run(rows: pa.Table) -> pa.Table:
        parts = _as_polars(rows).partition_by(_TABLE, as_dict=True)
        tables = {str(name): _rows_of(getattr(common, str(name)), part) for (name,), part in parts.items()}
        return _as_arrow(stage(with_tables(common, tables)))

    return run


def _rows_of(table: pl.DataFrame, part: pl.DataFrame) -> pl.DataFrame:
    """`part` with the columns of `table` alone, of its kinds."""
    return part.select(table.columns).cast(table.schema)


def _as_spark(session: SparkSession, tables: dict[str, pl.DataFrame]) -> DataFrame:
    """The rows of all tables under one another, each with the name of its table and NULLs for the others' columns."""
    frames = (
        session.createDataFrame(_as_arrow(table.with_columns(pl.lit(name).alias(_TABLE))))
        for name, table in tables.items()
    )
    return reduce(lambda above, below: above.unionByName(below, allowMissingColumns=True), frames)


def _as_polars(table: pa.Table) -> pl.DataFrame:
    return cast(pl.DataFrame, pl.from_arrow(table))


def _as_arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
