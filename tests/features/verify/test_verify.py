"""What `features verify` finds in stored rows, and what it leaves alone."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from contracts.database import open_database, writing
from contracts.errors import UnavailableError
from contracts.feature_set import Feature, FeatureSet
from contracts.settings import Settings
from features.table.builds import Build, current_build
from features.table.versioned_rows import builder_table
from features.verify.mutation import CHANGES
from features.verify.stored import sample_games
from features.verify.verify import verify

STORE = "ml_feature_store"


@pytest.fixture
def build(built_database: sa.Engine, feature_set: FeatureSet) -> Build:
    found = current_build(built_database, feature_set)
    assert found is not None
    return found


def test_what_was_built_is_true_to_the_last_cell(
    built_database: sa.Engine, feature_set: FeatureSet, settings: Settings, build: Build
) -> None:
    report = verify(built_database, feature_set, settings, n_rows=0)
    assert report.is_true
    assert (report.checked, report.cells) == (build.n_rows, build.n_rows * 33)
    assert (report.not_recomputed, report.n_stale_dates) == ([], 0)
    assert len(report.cut_dates) == 2


def test_a_sample_is_whole_games_and_the_same_for_the_same_seed(
    built_database: sa.Engine, feature_set: FeatureSet, build: Build
) -> None:
    with built_database.connect() as connection:
        one, same, other = (sample_games(connection, feature_set, build, 100, seed) for seed in (1, 1, 2))
        every = sample_games(connection, feature_set, build, 0, 1)
        table = builder_table(STORE, feature_set)
        counting = sa.select(sa.func.count()).where(table.c.game_id.in_(one))
        n_rows = connection.execute(counting).scalar_one()
    assert one == same != other
    assert 100 <= n_rows < 130
    assert set(one) < set(every)


def test_cells_changed_behind_our_back_are_found_and_nothing_else(
    built_database: sa.Engine, feature_set: FeatureSet, settings: Settings
) -> None:
    """One cell in each of some rows: features, a label, the source date; and one in each of two other builders."""
    table = builder_table(STORE, feature_set)
    columns = ("points_avg_last_5", "opponent_pace", "has_vegas_line", "points", "max_source_date")
    with writing(built_database) as connection:
        complete = [table.c[column].is_not(None) for column in columns]
        query = sa.select(table).where(*complete).order_by(table.c.game_id, table.c.player_id).limit(len(columns))
        rows = connection.execute(query).mappings().all()
        for column, row in zip(columns, rows, strict=True):
            value = None if column == "max_source_date" else row[column] + 1e-6
            where = (table.c.game_id == row["game_id"], table.c.player_id == row["player_id"])
            connection.execute(sa.update(table).where(*where).values({column: value}))
        _change(connection, builder_table("team_defense_zone_analysis", feature_set), "team_id", "pace")
        _change(connection, builder_table("player_daily_cache", feature_set), "player_id", "usage_last_10")
    report = verify(built_database, feature_set, settings, n_rows=0)
    assert not report.is_true
    assert report.mismatches_by_column == {
        "has_vegas_line": 1,
        "ml_feature_store.row_hash": 5,
        "opponent_pace": 1,
        "player_daily_cache.row_hash": 1,
        "points": 1,
        "points_avg_last_5": 1,
        "team_defense_zone_analysis.row_hash": 1,
    }
    told = "\n".join(map(str, report.mismatched))
    for column, row in zip(columns[:-1], rows, strict=False):
        assert f"{column}: game {row['game_id']}, player {row['player_id']} of {row['game_date']} is stored as" in told


def _change(connection: sa.Connection, table: sa.Table, subject: str, column: str) -> None:
    row = connection.execute(sa.select(table.c.game_id, table.c[subject]).limit(1)).one()
    where = (table.c.game_id == row[0], table.c[subject] == row[1])
    connection.execute(sa.update(table).where(*where).values({column: 0.123}))


def test_a_feature_that_the_oracle_does_not_know_is_named(
    built_database: sa.Engine, feature_set: FeatureSet, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from features.verify import verify as module
    from features.verify.oracle import Answer, ask

    def forgetful(*arguments: object) -> Answer:
        answer = ask(*arguments)  # type: ignore[arg-type]
        return Answer(answer.columns.drop("fatigue_score"), answer.slate)

    monkeypatch.setattr(module, "ask", forgetful)
    report = verify(built_database, feature_set, settings, n_rows=100)
    assert report.not_recomputed == ["fatigue_score"]
    assert report.is_true


def test_a_correction_after_the_build_is_told_as_stale_dates(
    built_database: sa.Engine, feature_set: FeatureSet, settings: Settings
) -> None:
    with writing(built_database) as connection:
        connection.exec_driver_sql(
            "UPDATE player_games SET points = points + 2, fgm = fgm + 1, fga = fga + 1 WHERE rowid = 1"
        )
    report = verify(built_database, feature_set, settings, n_rows=0)
    assert report.mismatches_by_column["points"] == 1
    assert report.n_stale_dates > 0


def test_without_a_build_there_is_nothing_to_verify(tmp_path, settings: Settings) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'empty.db'}")
    nowhere = FeatureSet("nowhere", (Feature("form", STORE, "Moves."),))
    with pytest.raises(UnavailableError, match="not built"):
        verify(engine, nowhere, settings)
    engine.dispose()


def test_every_change_of_the_mutation_test_changes_something(small_league) -> None:
    """A change that changes nothing would prove nothing."""
    day = small_league.player_games["game_date"].unique().sort()[-20]
    for told, change in CHANGES.items():
        changed = change(small_league, day, 60)
        frames = ("player_games", "shot_zones", "points_lines", "injuries", "game_lines")
        assert not all(getattr(changed, name).equals(getattr(small_league, name)) for name in frames), told
