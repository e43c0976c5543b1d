"""Which engine computes: Polars in this process, or the same functions on Spark."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Protocol

import polars as pl

from contracts.errors import UsageError
from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings
from features.builders.compute import compute
from features.raw.facts import RawFacts

ENGINES = ("polars", "spark")


class Engine(Protocol):
    """What features.builders.compute.compute does, with the same bits wherever it is done."""

    def __call__(
        self,
        raw: RawFacts,
        feature_set: FeatureSet,
        settings: FeatureSettings,
        dates: Collection[date] | None = None,
    ) -> dict[str, pl.DataFrame]:
        """Each builder's frame; raises RefusedError as compute does."""


def choose_engine(name: str) -> Engine:
    """The engine called `name`, ready to be used.

    Raises UsageError for an unknown name, and for 'spark' where PySpark or Java is missing.
    """
    if name == "polars":
        return compute
    if name == "spark":
        from features.engines.spark import compute_on_spark
        from features.engines.spark_session import refuse_without_spark

        refuse_without_spark()
        return compute_on_spark
    raise UsageError(f"There is no engine {name!r}.", remedy=f"Choose one of {', '.join(ENGINES)}.")
