"""Several backfills at once on either database: one builds, the others wait or are refused; no lock stays behind."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from contracts import tables
from contracts.database import open_database, read_frame
from contracts.errors import RefusedError
from contracts.settings import Settings
from features.builders.compute import BUILDERS
from features.feature_sets import load_feature_set
from features.raw.ingest import ingest
from features.sources.simulated import league_sources
from features.table.backfill import backfill
from features.table.status import status
from features.table.versioned_rows import builder_table, key_columns, payload_columns

pytestmark = pytest.mark.slow

FEATURE_SET, SETTINGS = load_feature_set("v2_33features"), Settings()
CHILD = """
import json, sys, time
from contracts.database import open_database
from contracts.settings import Settings
from features.feature_sets import load_feature_set
from features.table.backfill import backfill

pause = float(sys.argv[2])
report = backfill(
    open_database(sys.argv[1]), load_feature_set("v2_33features"), Settings(), progress=lambda *_: time.sleep(pause)
)
print(json.dumps({"dates": report.dates, "skipped": report.skipped}))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, new_postgres: Callable[[], str]) -> Iterator[sa.Engine]:
    """A simulated season ingested, nothing built."""
    made = open_database(f"sqlite:///{tmp_path / 'tipoff.db'}" if request.param == "sqlite" else new_postgres())
    for kind, source in league_sources(1, 7, n_teams=6, regular_games=30).items():
        ingest(made, kind, [source], tmp_path / "rejects")
    yield made
    made.dispose()


@pytest.mark.parametrize("n_processes", [2, 3])
def test_processes_at_once_build_everything_once(engine, n_processes):
    with ExitStack() as stack:
        children = [stack.enter_context(_child(engine, 0.1)) for _ in range(n_processes)]
        outputs = [child.communicate(timeout=120)[0] for child in children]
    dates = sorted(json.loads(output)["dates"] for output in outputs)
    assert dates[-1] > 0 == sum(dates[:-1])
    assert _states(engine) == ["done"]
    _assert_whole(engine, dates[-1])
    assert backfill(engine, FEATURE_SET, SETTINGS, rebuild=True).changed == 0


def test_a_process_that_dies_frees_the_lock_it_held(engine):
    """While it lives a second one is refused in a sentence; kill -9, and the next does what is left."""
    with _child(engine, 3.0) as child:
        _wait_for_units(engine)
        with pytest.raises(RefusedError, match="Another backfill of this database is running") as refused:
            backfill(engine, FEATURE_SET, SETTINGS, wait_seconds=0.2)
        assert "run `tipoff features backfill` again" in str(refused.value)
        assert status(engine, SETTINGS, FEATURE_SET).running.build_id == 1
        child.kill()
        assert child.wait(timeout=30) == -9
    report = backfill(engine, FEATURE_SET, SETTINGS, wait_seconds=20)
    assert report.skipped > 0 < report.dates
    assert _states(engine) == ["failed", "done"]
    _assert_whole(engine, report.skipped + report.dates)


def _assert_whole(engine: sa.Engine, n_dates: int) -> None:
    """All dates are done, no row stands twice, and a rebuild in one go has the same rows."""
    found = status(engine, SETTINGS, FEATURE_SET)
    assert found.complete
    assert {sum(row["done"] for row in found.builders if row["builder"] == builder) for builder in BUILDERS} == {
        n_dates
    }
    before = {builder: _current(engine, builder) for builder in BUILDERS}
    for builder, rows in before.items():
        assert rows.select(key_columns(builder_table(builder, FEATURE_SET))).is_unique().all()
    backfill(engine, FEATURE_SET, SETTINGS, rebuild=True)
    for builder, rows in before.items():
        assert_frame_equal(_current(engine, builder), rows, check_exact=True)


def _current(engine: sa.Engine, builder: str):
    table = builder_table(builder, FEATURE_SET)
    query = sa.select(*(table.c[name] for name in payload_columns(table))).where(table.c.to_build.is_(None))
    with engine.connect() as connection:
        return read_frame(connection, query).sort(key_columns(table))


def _states(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(tables.builds.c.state).order_by(tables.builds.c.build_id)).scalars())


@contextmanager
def _child(engine: sa.Engine, pause: float) -> Iterator[subprocess.Popen[str]]:
    """A process that backfills, with a pause after each chunk."""
    address = engine.url.render_as_string(hide_password=False)
    process = subprocess.Popen([sys.executable, "-c", CHILD, address, str(pause)], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _wait_for_units(engine: sa.Engine) -> None:
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        with engine.connect() as connection:
            if connection.execute(sa.select(sa.func.count()).select_from(tables.build_units)).scalar_one():
                return
        time.sleep(0.05)
    raise AssertionError("the child wrote nothing")
