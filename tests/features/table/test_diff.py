"""What two builds say differently, cell by cell, and the true reason."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
import sqlalchemy as sa

from contracts import clock, tables
from contracts.database import writing
from contracts.errors import UsageError
from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings, Settings
from features.table import builds, units
from features.table.backfill import backfill
from features.table.diff import diff
from features.table.rows import read_rows

WANTED = "the test wants builds to differ by more than the quality gates let pass"


def test_a_corrected_box_score_is_named_with_every_cell_it_changed(built_database, feature_set, settings):
    day = _rescore(built_database, feature_set)
    backfill(built_database, feature_set, settings)
    found = diff(built_database, 1, 2, limit=10**6)
    old, new = (read_rows(built_database, feature_set, build_id=build_id) for build_id in (1, 2))
    expected = {
        (a["game_id"], a["player_id"], name, a[name], b[name])
        for a, b in zip(old.iter_rows(named=True), new.iter_rows(named=True), strict=True)
        for name in old.columns
        if a[name] != b[name]
    }
    assert {(c["game_id"], c["player_id"], c["column"], c["a"], c["b"]) for c in found.cells} == expected
    assert found.changed_cells == len(expected) == sum(found.columns.values())
    assert found.causes == {"raw_correction": found.changed_rows}
    assert found.raw == [{"kind": "game-logs", "game_date": day, "rows": found.changed_rows}]
    assert (found.only_in_a, found.only_in_b) == (0, 0)


def test_a_value_that_is_null_in_one_build_is_a_changed_cell(built_database, feature_set, settings):
    with writing(built_database) as connection:
        connection.execute(sa.delete(tables.points_lines))
    backfill(built_database, feature_set, settings, accept_quality=WANTED)
    cells = [each for each in diff(built_database, 1, 2, limit=10**6).cells if each["column"] == "line"]
    assert cells
    assert all(each["a"] is not None and each["b"] is None for each in cells)
    back = [each for each in diff(built_database, 2, 1, limit=10**6).cells if each["column"] == "line"]
    assert [(each["a"], each["b"]) for each in back] == [(each["b"], each["a"]) for each in cells]


def test_other_code_is_told_from_other_facts(built_database, feature_set, settings, monkeypatch):
    _recode(monkeypatch)
    with writing(built_database) as connection:  # a row that the code before had made otherwise
        store = tables.feature_table(feature_set)
        one = sa.select(sa.func.min(store.c.game_id)).scalar_subquery()
        values = {"points_avg_season": 99.0, "row_hash": 1}
        connection.execute(sa.update(store).where(store.c.game_id == one).values(values))
    backfill(built_database, feature_set, settings)
    found = diff(built_database, 1, 2)
    assert found.columns.keys() == {"points_avg_season"}
    assert found.causes == {"code": found.changed_rows}
    assert {each["a"] for each in found.cells} == {99.0}


def test_changed_settings_are_told(built_database, feature_set):
    other = Settings(features=FeatureSettings(line_cutoff_minutes=120))
    backfill(built_database, feature_set, other, accept_quality=WANTED)
    found = diff(built_database, 1, 2)
    assert found.changed_cells > 0
    assert found.causes.keys() == {"settings"}


def test_a_correction_and_other_code_are_both_named(built_database, feature_set, settings, monkeypatch):
    _rescore(built_database, feature_set)
    _recode(monkeypatch)
    backfill(built_database, feature_set, settings)
    found = diff(built_database, 1, 2)
    assert found.causes == {"raw_correction": found.changed_rows, "code": found.changed_rows}


def test_a_kind_ingested_for_the_first_time_is_named(built_database, feature_set, settings):
    with writing(built_database) as connection:
        first = {"kind": "injuries", "source": "late", "sha256": "", "n_rows": 1, "n_changed": 0, "n_rejected": 0}
        connection.execute(sa.insert(tables.ingests).values(**first, ingested_at=clock.now()))
    backfill(built_database, feature_set, settings)
    found = diff(built_database, 1, 2)
    assert found.new_kinds == ["injuries"]
    assert found.causes == {"raw_correction": found.changed_rows}


def test_rows_of_one_build_only_are_counted_and_explained(built_database, feature_set, settings):
    last = read_rows(built_database, feature_set)["game_date"].max()
    gone = read_rows(built_database, feature_set, date_from=last)
    with writing(built_database) as connection:
        connection.execute(sa.delete(tables.games).where(tables.games.c.game_date >= last))
    backfill(built_database, feature_set, settings)
    found = diff(built_database, 1, 2)
    assert (found.only_in_a, found.only_in_b, found.changed_rows) == (gone.height, 0, 0)
    assert found.causes == {"raw_correction": gone.height}
    assert {each["kind"]: each["game_date"] for each in found.raw}["schedule"] == last
    assert diff(built_database, 2, 1).only_in_b == gone.height


def test_a_date_that_one_build_had_not_computed_is_not_called_a_correction(raw_database, feature_set, settings):
    first = backfill(raw_database, feature_set, settings, seasons=(2021, 2021))
    second = backfill(raw_database, feature_set, settings)
    found = diff(raw_database, first.build_id, second.build_id)
    assert found.causes == {"not_built": found.only_in_b}
    assert found.only_in_b == second.rows


def test_a_game_that_was_played_since_changes_state_and_outcome_and_nothing_else(raw_database, feature_set, settings):
    taken = _take_out_last_results(raw_database)
    backfill(raw_database, feature_set, settings)
    before = read_rows(raw_database, feature_set)
    with writing(raw_database) as connection:
        connection.execute(sa.insert(tables.player_games), taken)
    report = backfill(raw_database, feature_set, settings)
    found = diff(raw_database, 1, 2, limit=10**6)
    day = taken[0]["game_date"]
    of_the_day = {each["column"] for each in found.cells if each["game_date"] == day}
    assert of_the_day == {"state", *tables.FEATURE_ROW_LABELS}
    assert {each["a"] for each in found.cells if each["game_date"] == day} == {None, "scheduled"}
    assert read_rows(raw_database, feature_set, build_id=1).equals(before)
    assert report.changed > 0


def test_builds_of_two_sets_are_compared_in_the_columns_of_both(built_database, feature_set, settings, monkeypatch):
    fewer = replace(feature_set, name="fewer", features=feature_set.features[:20])
    backfill(built_database, fewer, settings)
    _know(monkeypatch, fewer, feature_set)
    found = diff(built_database, 1, 2)
    assert set(fewer.names) < set(found.compared)
    assert feature_set.names[-1] not in found.compared
    assert found.columns.keys() == {"missing"}
    assert found.causes == {"definition": found.changed_rows}
    with pytest.raises(UsageError, match="no finished build 2"):
        diff(built_database, 1, 2, feature_set=feature_set)


def test_what_was_built_before_the_record_began_is_said_to_be_unrecorded(built_database, feature_set, settings):
    with writing(built_database) as connection:
        connection.execute(sa.delete(tables.raw_digests))
        connection.execute(sa.update(tables.builds).values(inputs=None))
    _rescore(built_database, feature_set)
    backfill(built_database, feature_set, settings)
    assert diff(built_database, 1, 2).causes.keys() == {"not_recorded"}


def test_a_change_that_nothing_explains_is_called_that(built_database, feature_set, settings):
    store = tables.feature_table(feature_set)
    with writing(built_database) as connection:
        connection.execute(sa.update(store).where(store.c.player_id == 1011).values(points_avg_season=1.0, row_hash=1))
    backfill(built_database, feature_set, settings, rebuild=True, accept_quality=WANTED)
    assert diff(built_database, 1, 2).causes.keys() == {"unexplained"}


def test_a_build_is_equal_to_itself_and_an_unknown_one_is_refused(built_database):
    found = diff(built_database, 1, 1)
    assert (found.changed_cells, found.only_in_a, found.only_in_b, found.causes) == (0, 0, 0, {})
    with pytest.raises(UsageError, match="no build 9"):
        diff(built_database, 1, 9)


def _rescore(engine: sa.Engine, feature_set: FeatureSet):
    """A free throw more for one player in the middle of the story; the date."""
    played = read_rows(engine, feature_set).filter(pl.col("state") == "played")
    game, player, day = played.select("game_id", "player_id", "game_date").row(played.height // 2)
    box = tables.player_games
    with writing(engine) as connection:
        connection.execute(
            sa.update(box)
            .where(box.c.game_id == game, box.c.player_id == player)
            .values(ftm=box.c.ftm + 1, fta=box.c.fta + 1, points=box.c.points + 1)
        )
    return day


def _take_out_last_results(engine: sa.Engine) -> list[dict[str, object]]:
    """The box scores of the last date that has some, taken out: its games are to come again."""
    box = tables.player_games
    with writing(engine) as connection:
        last = connection.execute(sa.select(sa.func.max(box.c.game_date))).scalar_one()
        rows = [dict(row) for row in connection.execute(sa.select(box).where(box.c.game_date == last)).mappings()]
        connection.execute(sa.delete(box).where(box.c.game_date == last))
    return rows


def _recode(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the builders' code is another."""
    for module in (builds, units):
        monkeypatch.setattr(module, "code_hash", lambda: "c" * 64)


def _know(monkeypatch: pytest.MonkeyPatch, *feature_sets: FeatureSet) -> None:
    """conf/ declares these sets."""
    known = {each.name: each for each in feature_sets}
    monkeypatch.setattr("features.table.diff.load_feature_set", known.__getitem__)
