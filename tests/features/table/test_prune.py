"""Pruning deletes what nobody reads, and not one bit of what somebody does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from contracts import clock, tables
from contracts.database import open_database, read_frame, writing
from contracts.errors import RefusedError, UsageError
from contracts.feature_set import FeatureSet
from features.builders.compute import BUILDERS
from features.table import backfill as backfill_module
from features.table.backfill import backfill
from features.table.builds import current_build
from features.table.export import export
from features.table.lock import backfill_lock
from features.table.prune import PrunePlan, plan_prune, prune
from features.table.rows import read_rows, read_rows_of_builds
from features.table.versioned_rows import as_of, builder_table, key_columns, payload_columns


@pytest.fixture(scope="module")
def four_builds_file(built_file, tmp_path_factory, feature_set, settings) -> Path:
    file = tmp_path_factory.mktemp("four") / "league.db"
    shutil.copy(built_file, file)
    engine = open_database(f"sqlite:///{file}")
    for player in (1010, 1020, 1030):
        correct(engine, player)
        backfill(engine, feature_set, settings)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
    return file


@pytest.fixture
def four_builds(four_builds_file, tmp_path) -> Iterator[sa.Engine]:
    """Four builds, each after a correction of the one before."""
    shutil.copy(four_builds_file, tmp_path / "league.db")
    engine = open_database(f"sqlite:///{tmp_path / 'league.db'}")
    yield engine
    engine.dispose()


def test_the_current_build_and_those_that_versions_and_predictions_name_stay_to_the_bit(
    four_builds, feature_set, settings, tmp_path
):
    register(four_builds, feature_set, build_id=1)
    before = {build_id: exported(four_builds, feature_set, build_id, tmp_path) for build_id in (1, 2, 3, 4)}
    assert len(set(before.values())) == 4
    done = prune(four_builds)
    assert dict(done.kept) == {1: ["version 1"], 4: ["current"]}
    assert done.pruned == [2, 3]
    assert {build_id: exported(four_builds, feature_set, build_id, tmp_path) for build_id in (1, 4)} == {
        build_id: before[build_id] for build_id in (1, 4)
    }
    assert backfill(four_builds, feature_set, settings).dates == 0


def test_every_row_that_is_left_belongs_to_a_kept_build_and_the_plan_says_how_many_go(four_builds, feature_set):
    predict(four_builds, feature_set, build_id=3)
    counts = {name: n_rows(four_builds, name, feature_set) for name in BUILDERS}
    plan = plan_prune(four_builds)
    assert plan.n_rows > 0
    assert plan.bytes > 100 * plan.n_rows
    done = prune(four_builds)
    assert (done.rows, done.pruned, done.kept) == (plan.rows, [1, 2], {3: ["1 predictions"], 4: ["current"]})
    for name in BUILDERS:
        table = builder_table(name, feature_set)
        assert counts[name] - n_rows(four_builds, name, feature_set) == plan.rows[table.name]
        with four_builds.connect() as connection:
            unread = sa.select(sa.func.count()).where(sa.not_(sa.or_(as_of(table, 3), as_of(table, 4))))
            assert connection.execute(unread.select_from(table)).scalar() == 0


def test_a_plan_deletes_nothing_and_a_second_pruning_finds_nothing(four_builds, feature_set):
    before = n_rows(four_builds, BUILDERS[-1], feature_set)
    plan_prune(four_builds)
    assert n_rows(four_builds, BUILDERS[-1], feature_set) == before
    prune(four_builds)
    again = prune(four_builds)
    assert (again.n_rows, again.pruned, again.bytes) == (0, [], 0)


def test_the_export_of_a_pruned_build_says_so(four_builds, feature_set, tmp_path):
    prune(four_builds)
    with pytest.raises(UsageError, match=r"Build 2 .* was pruned at .* its rows are gone; the newest is 4"):
        export(four_builds, feature_set, tmp_path / "rows.parquet", build_id=2)
    with pytest.raises(UsageError, match="was pruned"):
        read_rows(four_builds, feature_set, build_id=1)
    with four_builds.connect() as connection:
        states = connection.execute(sa.select(tables.builds.c.state)).scalars().all()
    assert states == ["done"] * 4


def test_of_a_pruned_build_no_row_is_read_among_others(four_builds, feature_set):
    asked = read_rows(four_builds, feature_set).select("game_id", "player_id").with_columns(build_id=pl.lit(4))
    asked = pl.concat([asked, asked.with_columns(build_id=pl.lit(2)), asked.with_columns(build_id=pl.lit(99))])
    before = read_rows_of_builds(four_builds, feature_set, asked, ["is_expected"])
    prune(four_builds)
    after = read_rows_of_builds(four_builds, feature_set, asked, ["is_expected"])
    assert set(before["build_id"]) == {2, 4}
    assert set(after["build_id"]) == {4}


def test_the_file_is_smaller_afterwards(four_builds, tmp_path):
    prune(four_builds)
    with four_builds.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA freelist_count").scalar() == 0


def test_what_an_unfinished_build_has_written_is_not_touched(four_builds, feature_set, settings):
    correct(four_builds, 1040)
    with pytest.raises(KeyboardInterrupt):
        backfill(four_builds, feature_set, settings, rebuild=True, progress=interrupt)
    written = count_from(four_builds, feature_set, 5)
    assert written > 0
    done = prune(four_builds)
    assert done.kept == {4: ["current"], 5: ["unfinished"]}
    assert count_from(four_builds, feature_set, 5) == written
    report = backfill(four_builds, feature_set, settings)
    assert report.skipped == backfill_module.CHUNK_DATES
    assert prune(four_builds).kept == {report.build_id: ["current"]}


def test_nothing_is_pruned_while_a_backfill_runs(four_builds, feature_set):
    with backfill_lock(four_builds, 0), pytest.raises(RefusedError, match="Another backfill"):
        prune(four_builds, wait_seconds=0.1)
    assert current_build(four_builds, feature_set).build_id == 4
    assert read_rows(four_builds, feature_set, build_id=1).height > 0


def test_the_current_build_of_every_set_stays_and_so_do_the_rows_it_shares(
    four_builds, feature_set, settings, tmp_path
):
    fewer = FeatureSet("fewer", feature_set.features[:20])
    backfill(four_builds, fewer, settings)
    correct(four_builds, 1012)
    backfill(four_builds, feature_set, settings)
    before = {each.name: exported(four_builds, each, b, tmp_path) for each, b in ((fewer, 5), (feature_set, 6))}
    shared = {name: rows_of(four_builds, name, feature_set, 5) for name in BUILDERS[:-1]}
    assert prune(four_builds).kept == {5: ["current"], 6: ["current"]}
    assert {each.name: exported(four_builds, each, b, tmp_path) for each, b in ((fewer, 5), (feature_set, 6))} == before
    for name, rows in shared.items():
        assert rows_of(four_builds, name, feature_set, 5).equals(rows)


def test_on_postgresql_the_same_rows_go_and_stay(
    new_postgres, write_raw, small_league, feature_set, settings, tmp_path
):
    engine = open_database(new_postgres())
    write_raw(engine, small_league)
    for player in (1010, 1020, 1030):
        backfill(engine, feature_set, settings)
        correct(engine, player)
    before = {build_id: exported(engine, feature_set, build_id, tmp_path) for build_id in (1, 3)}
    done = _prune_while_a_version_is_registered(engine, feature_set, build_id=1)
    assert (done.kept, done.pruned) == ({1: ["version 1"], 3: ["current"]}, [2])
    assert done.bytes > done.n_rows > 0
    assert {build_id: exported(engine, feature_set, build_id, tmp_path) for build_id in (1, 3)} == before
    engine.dispose()


def _prune_while_a_version_is_registered(engine: sa.Engine, feature_set: FeatureSet, build_id: int) -> PrunePlan:
    """What a pruning did that began before the transaction of a registration on `build_id` ended."""
    its_build = sa.select(tables.builds.c.pruned_at).where(tables.builds.c.build_id == build_id)
    with ThreadPoolExecutor() as threads, engine.begin() as registering:
        assert registering.execute(its_build.with_for_update(read=True)).scalar_one() is None
        pruning = threads.submit(prune, engine)
        with pytest.raises(TimeoutError):
            pruning.result(timeout=0.5)
        registering.execute(sa.insert(tables.model_versions).values(version_on(feature_set, build_id)))
        registering.commit()
        return pruning.result(timeout=60)


def correct(engine: sa.Engine, player: int) -> None:
    """A free throw more for a player in the first game he played."""
    box = tables.player_games
    with writing(engine) as connection:
        first = sa.select(sa.func.min(box.c.game_id)).where(box.c.player_id == player, box.c.minutes > 0)
        changed = connection.execute(
            sa.update(box)
            .where(box.c.player_id == player, box.c.game_id == first.scalar_subquery())
            .values(ftm=box.c.ftm + 1, fta=box.c.fta + 1, points=box.c.points + 1)
        )
        assert changed.rowcount == 1


def exported(engine: sa.Engine, feature_set: FeatureSet, build_id: int, folder) -> bytes:
    """The bytes of a build's export."""
    export(engine, feature_set, folder / "rows.parquet", build_id=build_id)
    return (folder / "rows.parquet").read_bytes()


def rows_of(engine: sa.Engine, builder: str, feature_set: FeatureSet, build_id: int) -> pl.DataFrame:
    """What a build says in a builder's table."""
    table = builder_table(builder, feature_set)
    query = sa.select(*(table.c[name] for name in payload_columns(table))).where(as_of(table, build_id))
    with engine.connect() as connection:
        return read_frame(connection, query).sort(key_columns(table))


def n_rows(engine: sa.Engine, builder: str, feature_set: FeatureSet) -> int:
    with engine.connect() as connection:
        query = sa.select(sa.func.count()).select_from(builder_table(builder, feature_set))
        return int(connection.execute(query).scalar_one())


def count_from(engine: sa.Engine, feature_set: FeatureSet, build_id: int) -> int:
    table = builder_table(BUILDERS[-1], feature_set)
    with engine.connect() as connection:
        query = sa.select(sa.func.count()).where(sa.or_(table.c.from_build == build_id, table.c.to_build == build_id))
        return int(connection.execute(query).scalar_one())


def interrupt(done: int, _total: int) -> None:
    if done:
        raise KeyboardInterrupt


def register(engine: sa.Engine, feature_set: FeatureSet, build_id: int) -> None:
    """A version that was trained on a build."""
    with writing(engine) as connection:
        connection.execute(sa.insert(tables.model_versions).values(version_on(feature_set, build_id)))


def version_on(feature_set: FeatureSet, build_id: int) -> dict[str, object]:
    """The row of such a version."""
    facts = {"model_name": "tipoff-points", "version": 1, "system": "xgboost", "run_id": "r", "artifact_uri": "u"}
    made = {"feature_set": feature_set.name, "feature_set_hash": feature_set.hash, "build_id": build_id}
    return facts | made | {"sha256": "a" * 64, "target": "points", "metrics": {}, "registered_at": clock.now()}


def predict(engine: sa.Engine, feature_set: FeatureSet, build_id: int) -> None:
    """A stored prediction that was made from a build."""
    facts = {"game_id": "0022100000", "player_id": 1, "system": "xgboost", "model_version": 1, "target": "points"}
    said = {"predicted": 10.0, "interval_low": 5.0, "interval_high": 15.0, "predicted_at": clock.now()}
    with writing(engine) as connection:
        connection.execute(
            sa.insert(tables.predictions).values(
                **facts,
                **said,
                game_date=date(2021, 10, 20),
                model_sha256="a" * 64,
                feature_set=feature_set.name,
                build_id=build_id,
            )
        )
