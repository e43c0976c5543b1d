"""One platform on two databases: the same reports, the same refusals, the same bits."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.builders.compute import BUILDERS

pytestmark = pytest.mark.slow  # a life of two databases, every step done twice

EXPORTS = ("first build", "newest build", "first build, later", "newest build after pruning")
BACKFILLS = ("first backfill", "one more date", "after the correction", "after the loss")


def test_every_report_is_the_same_on_both(worlds):
    """Ingests, backfills, status, verify, diff and prune say the same to the last count."""
    sqlite, postgresql = worlds["sqlite"].reports, worlds["postgresql"].reports
    assert len(sqlite) > 20
    assert list(sqlite) == list(postgresql)
    for name, report in sqlite.items():
        assert report == postgresql[name], name


def test_every_refusal_is_in_the_same_words_on_both(worlds):
    assert len(worlds["sqlite"].refusals) == 4
    assert worlds["sqlite"].refusals == worlds["postgresql"].refusals


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("step", BACKFILLS)
def test_every_builders_rows_are_the_same_bits_on_both(worlds, step, builder):
    name = f"{step}: {builder}"
    assert worlds["sqlite"].frames[name].height > 0
    assert_frame_equal(worlds["sqlite"].frames[name], worlds["postgresql"].frames[name], check_exact=True)


@pytest.mark.parametrize("export", EXPORTS)
def test_every_export_is_the_same_bits_on_both(worlds, export):
    assert worlds["sqlite"].frames[export].height > 0
    assert_frame_equal(worlds["sqlite"].frames[export], worlds["postgresql"].frames[export], check_exact=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request, worlds):
    return worlds[request.param]


def test_an_ingest_of_the_same_changes_nothing(world):
    assert world.reports["the same again"]["rows"] > 0
    assert world.reports["the same again"]["changed"] == 0


def test_one_more_date_builds_that_date_and_what_may_know_it(world):
    told = world.reports["one more date"]
    assert told["dates"] == 1
    assert told["skipped"] == world.reports["first backfill"]["dates"] - 1
    stale = world.reports["status with a stale date"]
    assert not stale["complete"]
    assert {row["stale"] for row in stale["builders"]} == {1}


def test_a_correction_changes_later_rows_and_leaves_the_earlier_builds_as_they_were(world):
    assert world.reports["a correction"]["changed"] == 1
    assert world.reports["after the correction"]["closed"] > 0
    assert_frame_equal(world.frames["first build, later"], world.frames["first build"], check_exact=True)
    before, after = world.frames["first build"], world.frames["newest build"]
    changed = after.join(before, on=before.columns, how="anti", nulls_equal=True)
    assert 0 < changed.height < after.height
    assert world.reports["diff"]["changed_rows"] > 0
    assert set(world.reports["diff"]["causes"]) == {"raw_correction"}


def test_what_stands_is_true_and_complete(world):
    told = world.reports["verify"]
    assert (told["mismatches"], told["leaks"], told["n_stale_dates"]) == (0, 0, 0)
    assert told["checked"] == world.frames["newest build"].height
    assert world.reports["status"]["complete"]


def test_lost_rows_are_found_and_built_again(world):
    lost = world.reports["status with lost rows"]["miscounts"]
    assert [(each["builder"], each["n_standing"]) for each in lost] == [("player_daily_cache", 0)]
    assert world.reports["after the loss"]["dates"] == 1
    own = pl.exclude("from_build")
    before, after = (
        world.frames[f"{step}: player_daily_cache"].select(own) for step in ("after the correction", "after the loss")
    )
    assert_frame_equal(after, before, check_exact=True)


def test_a_bad_build_is_refused_and_the_earlier_one_stays(world):
    assert "opponent_def_rating" in world.refusals["bad build"]
    assert_frame_equal(world.frames["newest build after a refusal"], world.frames["newest build"], check_exact=True)


def test_pruning_takes_the_old_builds_and_not_a_bit_of_the_current_one(world):
    assert world.reports["prune"]["pruned"]
    assert "pruned" in world.refusals["export of a pruned build"]
    assert_frame_equal(world.frames["newest build after pruning"], world.frames["newest build"], check_exact=True)
