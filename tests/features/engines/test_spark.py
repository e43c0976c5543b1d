"""Spark makes the same rows, bit for bit, and a failure there says what happened."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from contracts.database import open_database, read_frame
from contracts.errors import TipoffError, UsageError
from contracts.settings import FeatureSettings, Settings
from features.builders.compute import BUILDERS, compute
from features.engines.choice import choose_engine
from features.engines.spark import _spread, compute_on_spark
from features.engines.spark_session import spark_session
from features.feature_sets import load_feature_set
from features.raw.ingest import ingest
from features.sources.simulated import league_sources
from features.table.backfill import backfill
from features.table.versioned_rows import builder_table, key_columns, payload_columns

pytestmark = pytest.mark.slow

SET = load_feature_set("v2_33features")
HALVES = "the halves of a first season are unlike each other"


@pytest.fixture(scope="module", autouse=True)
def _spark():
    try:
        choose_engine("spark")
    except UsageError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def simulated_home(tmp_path_factory):
    """A home in which a simulated season is ingested and nothing is built."""
    home = tmp_path_factory.mktemp("home")
    engine = open_database(f"sqlite:///{home / 'tipoff.db'}")
    for kind, source in league_sources(1, 7).items():
        ingest(engine, kind, [source], home)
    engine.dispose()
    return home


@pytest.mark.parametrize(("league", "n_partitions"), [("small_league", 5), ("bare_league", 1)])
def test_the_number_of_partitions_changes_no_bit(request, league, n_partitions):
    raw = request.getfixturevalue(league)
    days = raw.games["game_date"].unique().sort()[3::2].to_list()
    settings = FeatureSettings(spark_master="local[2]", spark_partitions=n_partitions)
    found, expected = compute_on_spark(raw, SET, settings, days), compute(raw, SET, settings, days)
    assert list(found) == list(expected)
    for name, frame in expected.items():
        assert frame.height
        assert_frame_equal(found[name], frame, check_exact=True)


def test_a_league_built_by_spark_equals_one_built_by_polars(simulated_home, tmp_path):
    """By the command at first, then the dates that are left: interrupted under Spark, finished by Polars."""
    homes = [shutil.copytree(simulated_home, tmp_path / name) for name in ("spark", "polars")]
    by_spark, by_polars = (open_database(f"sqlite:///{home / 'tipoff.db'}") for home in homes)
    with by_polars.connect() as connection:
        dates = connection.execute(sa.text("SELECT DISTINCT game_date FROM games ORDER BY 1")).scalars().all()
    middle = dates[len(dates) // 2]

    report = _command(homes[0], "--to", middle, "--engine", "spark")
    assert report["rows"] > 1000
    with pytest.raises(KeyboardInterrupt):
        backfill(by_spark, SET, _settings(), compute_with=compute_on_spark, progress=_interrupt, accept_quality=HALVES)
    finished = backfill(by_spark, SET, Settings(), accept_quality=HALVES)
    assert finished.dates
    assert finished.skipped > report["dates"]
    backfill(by_polars, SET, Settings())

    rows, expected = _rows(by_spark), _rows(by_polars)
    assert expected["ml_feature_store"].height > 5000
    for builder in BUILDERS:
        assert_frame_equal(rows[builder], expected[builder], check_exact=True)
    assert backfill(by_spark, SET, Settings(), compute_with=compute_on_spark).dates == 0
    by_spark.dispose()
    by_polars.dispose()


def test_what_a_worker_raises_is_told_in_one_line(small_league):
    def refuse(raw):
        if raw.player_games.height:
            raise ValueError("this stage cannot")
        return raw.players

    settings = FeatureSettings(spark_master="local[1]", spark_partitions=2)
    told = pytest.raises(TipoffError, match="Spark failed: ValueError: this stage cannot")
    with told as caught, spark_session(settings) as session:
        _spread(session, 2, refuse, small_league, "player_id", ("player_id",))
    assert "--engine polars" in caught.value.remedy


def test_a_master_that_is_none_is_wrong_usage(small_league):
    with pytest.raises(UsageError, match=r"features.spark_master = 'nowhere'"):
        compute_on_spark(small_league, SET, FeatureSettings(spark_master="nowhere"))


def _command(home, *arguments):
    """The report of `tipoff features backfill` there; what it says on stdout is one line of JSON."""
    command = [sys.executable, "-m", "tipoff", "features", "backfill", *arguments, "--json"]
    environment = os.environ | {"TIPOFF_HOME": str(home), "TIPOFF_FEATURES__SPARK_MASTER": "local[2]"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert "Traceback" not in done.stderr
    assert "pandas" not in done.stderr
    return json.loads(line)


def _settings():
    return Settings(features=FeatureSettings(spark_master="local[2]", spark_partitions=3))


def _interrupt(done, _total):
    if done:
        raise KeyboardInterrupt


def _rows(engine):
    """What every builder's table says now, without the marks of when it was written."""
    rows = {}
    with engine.connect() as connection:
        for builder in BUILDERS:
            table = builder_table(builder, SET)
            query = sa.select(*(table.c[name] for name in (*payload_columns(table), "row_hash")))
            rows[builder] = read_frame(connection, query.where(table.c.to_build.is_(None))).sort(key_columns(table))
    return rows
