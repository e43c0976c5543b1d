"""Backfill: expected minus done, and nothing else; what earlier builds said stays."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from contracts import tables
from contracts.database import writing
from contracts.errors import RefusedError, UnavailableError, UsageError
from contracts.feature_set import Feature, FeatureSet
from contracts.settings import FeatureSettings, QualitySettings, Settings
from features.builders.compute import BUILDERS, compute
from features.raw.facts import RawFacts, read_raw
from features.table import backfill as backfill_module
from features.table.backfill import backfill
from features.table.builds import current_build
from features.table.rows import read_rows
from features.table.status import stale_dates, status
from features.table.versioned_rows import builder_table


def test_rows_are_what_the_builders_computed(built_database, feature_set, settings):
    with built_database.connect() as connection:
        raw = read_raw(connection)
    computed = compute(raw, feature_set, settings.features)["ml_feature_store"]
    stored = read_rows(built_database, feature_set)
    assert stored.height > 1000
    assert_frame_equal(stored, computed.select(stored.columns), check_exact=True)


def test_a_second_backfill_has_nothing_to_do(built_database, feature_set, settings):
    before = current_build(built_database, feature_set)
    report = backfill(built_database, feature_set, settings)
    assert (report.build_id, report.rows, report.dates, report.changed) == (before.build_id, 0, 0, 0)
    assert report.skipped == len(_expected_dates(built_database)) > 0
    assert current_build(built_database, feature_set) == before


def test_a_corrected_box_score_rewrites_only_the_rows_it_changes(built_database, feature_set, settings):
    old = read_rows(built_database, feature_set)
    first = current_build(built_database, feature_set)
    day = _correct_one_box_score(built_database, feature_set)
    assert min(stale_dates(built_database, feature_set, settings)) == day

    report = backfill(built_database, feature_set, settings)

    new = read_rows(built_database, feature_set)
    differing = new.join(old, on=new.columns, how="anti", nulls_equal=True)
    assert 0 < differing.height < report.rows
    assert differing["game_date"].min() == day
    table = builder_table("ml_feature_store", feature_set)
    with built_database.connect() as connection:
        written = connection.execute(sa.select(sa.func.count()).where(table.c.from_build == report.build_id)).scalar()
        closed = connection.execute(sa.select(sa.func.count()).where(table.c.to_build == report.build_id)).scalar()
    assert written == closed == differing.height
    assert_frame_equal(read_rows(built_database, feature_set, build_id=first.build_id), old, check_exact=True)
    assert stale_dates(built_database, feature_set, settings) == []


def test_dates_before_a_correction_are_left_alone(built_database, feature_set, settings):
    day = _correct_one_box_score(built_database, feature_set)
    report = backfill(built_database, feature_set, settings)
    dates = _expected_dates(built_database)
    assert report.dates == len([each for each in dates if each >= day])
    assert report.skipped == len([each for each in dates if each < day])


def test_rebuilding_equal_rows_writes_none(built_database, feature_set, settings):
    before = read_rows(built_database, feature_set)
    report = backfill(built_database, feature_set, settings, rebuild=True)
    assert report.skipped == 0
    assert report.rows == before.height
    assert (report.changed, report.closed) == (0, 0)
    assert_frame_equal(read_rows(built_database, feature_set), before, check_exact=True)


def test_date_by_date_gives_the_rows_of_one_backfill(raw_database, feature_set, settings, built_file):
    """However the dates are divided among backfills, the rows are the same bits."""
    dates = _expected_dates(raw_database)
    middle = dates[len(dates) // 2]
    backfill(raw_database, feature_set, settings, date_from=middle)
    report = backfill(raw_database, feature_set, settings)
    assert report.dates == len([day for day in dates if day < middle])
    other = sa.create_engine(f"sqlite:///{built_file}")
    assert_frame_equal(read_rows(raw_database, feature_set), read_rows(other, feature_set), check_exact=True)
    other.dispose()


def test_a_new_date_is_built_and_no_other(raw_database, feature_set, settings):
    """After one more date's results only what they bear on is built: that date, and games still to come."""
    last = _last_result(raw_database)
    held_back = _take_out(raw_database, last)
    backfill(raw_database, feature_set, settings)
    with writing(raw_database) as connection:
        connection.execute(sa.insert(tables.player_games), held_back)
    report = backfill(raw_database, feature_set, settings)
    assert report.dates == len([day for day in _expected_dates(raw_database) if day >= last])
    states = read_rows(raw_database, feature_set, date_from=last, date_to=last)["state"].to_list()
    assert "played" in states
    assert "scheduled" not in states


def test_a_game_moved_to_another_date_leaves_no_row_behind(built_database, feature_set, settings):
    last = _expected_dates(built_database)[-1]
    later = date(last.year, last.month, last.day + 1)
    with writing(built_database) as connection:
        moved = connection.execute(sa.select(tables.games.c.game_id).where(tables.games.c.game_date == last)).scalars()
        moved = list(moved)
        connection.execute(
            sa.update(tables.games).where(tables.games.c.game_date == last).values(game_date=later, tip_off_at=None)
        )
    before = read_rows(built_database, feature_set)
    first = current_build(built_database, feature_set).build_id
    backfill(built_database, feature_set, settings)
    after = read_rows(built_database, feature_set)
    assert after.filter(pl.col("game_date") == last).is_empty()
    assert set(after.filter(pl.col("game_date") == later)["game_id"]) >= set(moved)
    assert_frame_equal(read_rows(built_database, feature_set, build_id=first), before, check_exact=True)
    assert status(built_database, settings).complete


def test_a_game_called_off_closes_its_rows(built_database, feature_set, settings):
    last = _expected_dates(built_database)[-1]
    with writing(built_database) as connection:
        connection.execute(
            sa.delete(tables.points_lines).where(
                tables.points_lines.c.game_id.in_(
                    sa.select(tables.games.c.game_id).where(tables.games.c.game_date == last)
                )
            )
        )
        connection.execute(sa.delete(tables.games).where(tables.games.c.game_date == last))
    assert not status(built_database, settings).complete
    report = backfill(built_database, feature_set, settings)
    assert report.closed > 0
    assert read_rows(built_database, feature_set, date_from=last, date_to=last).is_empty()
    assert status(built_database, settings).complete


def test_only_the_season_asked_for_is_built(raw_database, feature_set, settings):
    backfill(raw_database, feature_set, settings, seasons=(2022, 2022))
    assert read_rows(raw_database, feature_set)["season"].unique().to_list() == [2022]
    seasons = {row["season"]: row for row in status(raw_database, settings).builders}
    assert seasons["2021-22"]["missing"] == seasons["2021-22"]["expected"] > 0
    assert seasons["2022-23"]["done"] == seasons["2022-23"]["expected"] > 0


def test_a_season_that_was_never_ingested_is_refused_by_name(raw_database, feature_set, settings):
    with pytest.raises(UsageError, match="2030-31") as refused:
        backfill(raw_database, feature_set, settings, seasons=(2030, 2030))
    assert "2021-22, 2022-23" in str(refused.value)


def test_a_span_that_runs_backwards_is_refused(raw_database, feature_set, settings):
    with pytest.raises(UsageError, match="backwards"):
        backfill(raw_database, feature_set, settings, date_from=date(2022, 2, 1), date_to=date(2022, 1, 1))


def test_without_data_the_way_to_ingest_is_named(engine, feature_set, settings):
    with pytest.raises(UnavailableError, match="tipoff ingest"):
        backfill(engine, feature_set, settings)
    with pytest.raises(UnavailableError, match="tipoff features backfill"):
        read_rows(engine, feature_set)


def test_games_without_results_are_counted_and_not_built(raw_database, feature_set, settings):
    report = backfill(raw_database, feature_set, settings)
    assert report.games_without_results == 4
    assert report.player_games > 1000
    assert report.expected_absent > 0


def test_progress_counts_dates_to_the_end(raw_database, feature_set, settings):
    seen = []
    report = backfill(raw_database, feature_set, settings, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, report.dates)
    assert seen[-1] == (report.dates, report.dates)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_rows_of_other_code_are_stale_and_built_again(built_database, feature_set, settings):
    with writing(built_database) as connection:
        connection.execute(
            sa.update(tables.build_units)
            .where(tables.build_units.c.builder == "player_daily_cache")
            .values(code_hash="0" * 64)
        )
    dates = _expected_dates(built_database)
    assert stale_dates(built_database, feature_set, settings) == dates
    found = status(built_database, settings)
    assert not found.complete
    assert {row["builder"] for row in found.builders if row["stale"]} == {"player_daily_cache"}
    assert backfill(built_database, feature_set, settings).dates == len(dates)
    assert stale_dates(built_database, feature_set, settings) == []


def test_a_setting_that_makes_rows_makes_them_stale_and_one_that_judges_them_does_not(built_database, feature_set):
    judges = Settings(quality=QualitySettings(min_rows=5))
    makes = Settings(features=FeatureSettings(line_cutoff_minutes=30))
    assert stale_dates(built_database, feature_set, judges) == []
    assert stale_dates(built_database, feature_set, makes) == _expected_dates(built_database)


def test_changed_definitions_under_the_same_name_are_refused(built_database, feature_set, settings):
    features = (*feature_set.features[:-1], Feature("ppm_avg_last_10", "player_daily_cache", "Something else."))
    changed = FeatureSet(feature_set.name, features)
    with pytest.raises(RefusedError, match="new name"):
        backfill(built_database, changed, settings)
    renamed = FeatureSet("another_set", features)
    assert backfill(built_database, renamed, settings).dates > 0
    assert read_rows(built_database, renamed).height == read_rows(built_database, feature_set).height


def test_every_unit_is_recorded_with_its_rows(built_database, feature_set):
    rows = read_rows(built_database, feature_set)
    with built_database.connect() as connection:
        units = connection.execute(sa.select(tables.build_units)).mappings().all()
    assert {unit["builder"] for unit in units} == set(BUILDERS)
    stored = sum(unit["n_rows"] for unit in units if unit["builder"] == "ml_feature_store")
    assert stored == rows.height == current_build(built_database, feature_set).n_rows


def test_a_constant_column_fails_the_build_and_the_old_one_stays(raw_database, feature_set, settings):
    """Everybody has always scored 2 in 20 minutes: averages that never move are a fault, not a feature."""
    middle = _expected_dates(raw_database)[20]
    backfill(raw_database, feature_set, settings, date_to=middle)
    before = read_rows(raw_database, feature_set)
    same = dict.fromkeys(tables.BOX_COUNTS, 0) | {"fgm": 1, "fga": 2, "points": 2, "minutes": 20}
    with writing(raw_database) as connection:
        connection.execute(sa.update(tables.player_games).values(**same))
    with pytest.raises(RefusedError, match="points_avg_last_5 is 2") as refused:
        backfill(raw_database, feature_set, settings)
    assert "home_away" not in str(refused.value)
    assert_frame_equal(read_rows(raw_database, feature_set), before, check_exact=True)
    with raw_database.connect() as connection:
        states = connection.execute(sa.select(tables.builds.c.state, tables.builds.c.failure)).all()
    assert [state for state, _ in states] == ["done", "failed"]
    assert "points_avg_last_5" in states[1].failure


def test_a_small_build_may_be_constant(raw_database, feature_set):
    lenient = Settings(quality=QualitySettings(min_rows=1_000_000, max_out_of_range=1))
    same = dict.fromkeys(tables.BOX_COUNTS, 0) | {"fgm": 1, "fga": 2, "points": 2, "minutes": 20}
    with writing(raw_database) as connection:
        connection.execute(sa.update(tables.player_games).values(**same))
    assert backfill(raw_database, feature_set, lenient).rows > 0


def test_chunks_are_smaller_than_the_league(raw_database):
    """The tests of interruption stand on this: there is something between the first chunk and the last."""
    assert len(_expected_dates(raw_database)) > backfill_module.CHUNK_DATES


def _expected_dates(engine: sa.Engine) -> list[date]:
    from features.builders.slate import team_schedule

    with engine.connect() as connection:
        raw: RawFacts = read_raw(connection)
    return sorted(team_schedule(raw, Settings().features)["game_date"].unique().to_list())


def _last_result(engine: sa.Engine) -> date:
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.max(tables.player_games.c.game_date))).scalar_one()


def _take_out(engine: sa.Engine, day: date) -> list[dict[str, object]]:
    """The box scores of `day`, no longer in the database."""
    of_day = tables.player_games.c.game_date == day
    with writing(engine) as connection:
        rows = [dict(row) for row in connection.execute(sa.select(tables.player_games).where(of_day)).mappings()]
        connection.execute(sa.delete(tables.player_games).where(of_day))
    return rows


def _correct_one_box_score(engine: sa.Engine, feature_set: FeatureSet) -> date:
    """One more free throw made by one player in the middle of the league; returns the date."""
    played = read_rows(engine, feature_set, columns=["game_id", "player_id", "game_date", "state"])
    row = played.filter(pl.col("state") == "played").row(played.height // 3, named=True)
    table = tables.player_games
    with writing(engine) as connection:
        connection.execute(
            sa.update(table)
            .where(table.c.game_id == row["game_id"], table.c.player_id == row["player_id"])
            .values(ftm=table.c.ftm + 1, fta=table.c.fta + 1, points=table.c.points + 1)
        )
    return row["game_date"]


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("n_kept", [0, -1])
def test_a_builder_that_loses_rows_fails_the_build(raw_database, feature_set, settings, builder, n_kept):
    """Success with zero rows, planted: a date whose rows are not there must not count as done."""

    def compute_fewer(*given):
        frames = compute(*given)
        return frames | {builder: frames[builder].head(n_kept)}

    with pytest.raises(RefusedError, match="has no row for"):
        backfill(raw_database, feature_set, settings, compute_with=compute_fewer)
    assert current_build(raw_database, feature_set) is None
    assert not status(raw_database, settings).complete


def test_an_earlier_date_that_failed_is_done_again_and_none_of_the_later_ones(built_database, feature_set, settings):
    """Resuming after the last success, planted: two dates in the middle of what is done have no rows of one builder."""
    first, second = _expected_dates(built_database)[5], _expected_dates(built_database)[9]
    units = tables.build_units
    with writing(built_database) as connection:
        lost = (units.c.builder == "player_daily_cache", units.c.game_date.in_([first, second]))
        connection.execute(sa.delete(units).where(*lost))
    report = backfill(built_database, feature_set, settings)
    assert report.dates == 2
    assert report.skipped == len(_expected_dates(built_database)) - 2
    assert status(built_database, settings).complete
