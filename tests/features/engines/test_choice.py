"""An engine is chosen by name; what it needs is asked for before anything runs, and it leaves no mark on the rows."""

from __future__ import annotations

import importlib.util

import pytest
from click.testing import CliRunner

from contracts.errors import UsageError
from contracts.settings import FeatureSettings
from features.builders.compute import compute
from features.engines.choice import choose_engine
from features.engines.spark_session import refuse_without_spark
from features.table.builds import _sources
from features.table.inputs import settings_hash
from tipoff.commands.features.backfill import backfill


def test_polars_is_compute_itself():
    assert choose_engine("polars") is compute


def test_an_unknown_engine_is_refused_naming_those_there_are():
    with pytest.raises(UsageError, match="polars, spark"):
        choose_engine("dask")


def test_an_unknown_engine_is_wrong_usage_of_the_command():
    result = CliRunner().invoke(backfill, ["--engine", "dask"])
    assert result.exit_code == 2
    assert "dask" in result.output


def test_without_pyspark_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'tipoff\[spark\]'"):
        choose_engine("spark")


def test_without_java_its_version_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: "found")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"none on the PATH.*Java 17"):
        refuse_without_spark()


def test_a_java_home_without_java_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: "found")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UsageError, match=str(tmp_path)):
        refuse_without_spark()


def test_the_engine_is_no_part_of_the_code_that_makes_rows():
    """So rows of one engine are not stale for the other; the stages that both run are part of it."""
    modules = set(_sources("features.builders.compute"))
    assert not [module for module in modules if module.startswith("features.engines")]
    assert {"features.builders.players", "features.builders.league", "features.builders.windows"} <= modules


def test_where_rows_are_computed_is_no_part_of_their_inputs():
    elsewhere = FeatureSettings(spark_master="local[3]", spark_partitions=2)
    assert settings_hash(elsewhere) == settings_hash(FeatureSettings())
    assert settings_hash(FeatureSettings(expected_days=3)) != settings_hash(FeatureSettings())
