"""`tipoff replay`: past days as if live, from nothing that was not known then; the user's database stays as it is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from contracts import clock, tables
from contracts.database import open_database, writing
from contracts.settings import Settings
from features.table.backfill import backfill
from registry.stages import Stage
from tests.tipoff.replay.conftest import N_DAYS, Over, said_in
from tipoff.day.turn import one_at_a_time
from tipoff.replay import mornings as mornings_module
from tipoff.replay.versions import allowed_version


def test_three_days_are_predicted_whole_and_graded_as_backfill(over: Over) -> None:
    said = over.shell.done("replay", "--from", str(over.days[0]), "--to", str(over.days[-1]), "--no-train")
    assert said["state"] == "done"
    assert [day["date"] for day in said["days"]] == [str(day) for day in over.days]
    for day in said["days"]:
        assert (day["model_version"], day["label"], day["coverage"]) == (1, "backfill", 1.0)
        assert day["expected"] == day["predicted"] > 0
        assert day["graded"] > 0
    assert said["leaks"] == 0
    assert said["trained"] == []


def test_the_rows_it_predicts_from_are_the_real_tables_but_for_lines_captured_later(over: Over) -> None:
    (compared,) = over.replay().comparisons
    assert compared.cells == compared.rows * len(over.world.feature_set.names) > 0
    assert compared.rows_apart == 0
    assert set(compared.differing) <= {"vegas_points_line", "vegas_opening_line", "vegas_line_move"}


def test_nothing_is_written_into_the_users_database(over: Over) -> None:
    def counts() -> dict[str, int]:
        with over.world.engine.connect() as connection:
            return {
                table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                for table in tables.metadata.sorted_tables
            }

    before = counts()
    over.replay()
    assert counts() == before
    assert before["predictions"] == before["job_runs"] == 0


def test_what_happens_later_is_never_seen(over: Over) -> None:
    """Results of the day and later are made absurd, later lines and injuries too: the predictions are the same."""
    day = over.days[0]
    honest = said_in(over.replay(day, day))
    later = over.raw().games.filter(pl.col("game_date") >= day)["game_id"].to_list()
    with writing(over.world.engine) as connection:
        logs = tables.player_games
        absurd = {"points": 90, "fgm": 45, "fga": 45, "fg3m": 0, "ftm": 0, "minutes": 48}
        connection.execute(sa.update(logs).where(logs.c.game_date >= day).values(**absurd))
        connection.execute(sa.delete(tables.shot_zones).where(tables.shot_zones.c.game_id.in_(later)))
        late = tables.points_lines.c.captured_at > _moment(over, day)
        connection.execute(sa.update(tables.points_lines).where(late).values(line=99))
        connection.execute(sa.update(tables.injuries).where(tables.injuries.c.reported_on >= day).values(status="out"))
    assert said_in(over.replay(day, day)) == honest
    assert honest


def test_what_was_known_is_seen(over: Over) -> None:
    """The counterpart: a result of the day before does change predictions."""
    day = over.days[1]
    honest = said_in(over.replay(day, day))
    with writing(over.world.engine) as connection:
        logs = tables.player_games
        known = sa.update(logs).where(logs.c.game_date == over.days[0])
        connection.execute(known.values(points=90, fgm=45, fga=45, fg3m=0, ftm=0, minutes=48))
    assert said_in(over.replay(day, day)) != honest


def test_a_twin_that_knows_the_days_results_predicts_nothing_and_the_replay_fails(
    over: Over, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = mornings_module._is_known

    def leaky(table: str, by: Any) -> pl.Expr:
        return pl.col("game_date") <= by.game_date if table == "player_games" else real(table, by)

    monkeypatch.setattr(mornings_module, "_is_known", leaky)
    played = over.replay(over.days[0], over.days[0])
    assert played.leaks > 0
    assert played.exit_code == 1
    assert said_in(played) == {}
    assert "player_games" in played.to_json()["failed"][0]


def test_a_real_table_whose_rows_knew_more_is_a_leak(over: Over) -> None:
    with writing(over.world.engine) as connection:
        table = "ml_feature_store_v2_33features"
        planted = sa.text(f"UPDATE {table} SET points_avg_season = points_avg_season + 1 WHERE game_date = :day")  # noqa: S608
        connection.execute(planted, {"day": over.days[0].isoformat()})
    played = over.replay(over.days[0], over.days[0])
    assert set(played.comparisons[0].differing) - {"vegas_points_line", "vegas_line_move"} == {"points_avg_season"}
    assert played.leaks > 0
    assert played.exit_code == 1


def test_while_teams_open_their_season_those_who_played_are_predicted_and_nobody_is_lacking(over: Over) -> None:
    first, last = over.dates[1], over.dates[5]
    over.world.register("season_average", train_to=over.dates[0] - timedelta(days=1))
    said = over.replay(first, last).to_json()
    assert said["failed"] == []
    assert (said["state"], said["leaks"]) == ("done", 0)
    expected = [day["expected"] for day in said["days"]]
    assert expected == [day["predicted"] for day in said["days"]]
    assert 0 < expected[-1] > expected[0]


def test_who_met_the_team_that_he_had_just_left_is_told_apart_and_is_no_leak(over: Over) -> None:
    """A trade that nobody had seen him play for: appearances put him on the other side."""
    day = over.days[1]
    with over.world.engine.connect() as connection:
        key = (tables.player_games.c.game_id, tables.player_games.c.player_id)
        of_day = sa.select(*key, tables.player_games.c.team_id, tables.player_games.c.opponent_id).where(
            tables.player_games.c.game_date == day, tables.player_games.c.minutes > 10
        )
        game, player, team, opponent = connection.execute(of_day.order_by(*key)).first()
    with writing(over.world.engine) as connection:
        logs = tables.player_games.c
        changed = {"team_id": opponent, "opponent_id": team, "is_home": ~logs.is_home, "won": ~logs.won}
        his = (logs.game_id == game, logs.player_id == player)
        connection.execute(sa.update(tables.player_games).where(*his).values(changed))
    backfill(over.world.engine, over.world.feature_set, Settings())
    (compared,) = over.replay(day, day).comparisons
    assert (compared.rows_of_another_team, compared.rows_apart, compared.unexplained) == (1, 0, 0)


# ---------------------------------------------------------------- who answers
def test_a_version_that_learned_of_the_day_never_answers(over: Over) -> None:
    """Production learned all; the newest that did not is asked."""
    assert allowed_version(over.world.engine, over.days[0]).version == 1


def test_production_answers_where_its_training_ended_before(over: Over) -> None:
    early = over.world.register("xgboost", seed=9, train_to=over.days[0] - timedelta(days=3))
    newest = over.world.register("xgboost", seed=10, train_to=over.days[0] - timedelta(days=2))
    assert allowed_version(over.world.engine, over.days[0]) == newest
    over.world.move(early, Stage.PRODUCTION, leaving=over.world.versions()[2])
    assert allowed_version(over.world.engine, over.days[0]) == early


def test_training_that_ended_on_the_day_is_too_late(over: Over) -> None:
    assert allowed_version(over.world.engine, over.days[0] - timedelta(days=1)) is None


def test_without_a_version_and_without_training_it_is_refused(over: Over) -> None:
    day = over.dates[5]
    said = over.shell.tipoff("replay", "--from", str(day), "--to", str(day), "--no-train", "--json")
    assert said.code == 3
    assert f"No version's training ended before {day}" in said.json["error"]["message"]


# ---------------------------------------------------------------- spans
def test_a_span_without_games_is_no_games(over: Over) -> None:
    said = over.shell.done("replay", "--from", "2019-07-01", "--to", "2019-07-05")
    assert (said["state"], said["days"]) == ("no_games", [])


def test_an_empty_database_has_no_games(inside_at: Any, tmp_path: Any) -> None:
    root = tmp_path / "empty"
    root.mkdir()
    (root / "experiment-ready").write_text(f"sqlite:///{root / 'mlflow.db'}")
    assert inside_at(root).done("replay", "--from", "2024-03-01", "--to", "2024-03-03")["state"] == "no_games"


@pytest.mark.parametrize(
    ("first", "last"), [("2024-03-02", "2024-03-01"), ("2024-03-01", "2999-01-01"), ("today", "today"), ("x", "y")]
)
def test_a_span_that_cannot_be_is_wrong_usage(over: Over, first: str, last: str) -> None:
    today = clock.league_date(clock.wall()).isoformat()
    span = ("--from", first.replace("today", today), "--to", last.replace("today", today))
    assert over.shell.tipoff("replay", *span).code == 2


def test_a_replay_that_runs_already_refuses_the_second(over: Over) -> None:
    folder = over.world.home.root / "replays" / f"{over.days[0]}_{over.days[-1]}"
    with one_at_a_time(folder / "replay.lock", "the replay"):
        said = over.shell.tipoff("replay", "--from", str(over.days[0]), "--to", str(over.days[-1]), "--json")
    assert said.code == 3
    assert "It runs already: the replay" in said.json["error"]["message"]


@pytest.mark.slow
def test_again_it_says_the_same(over: Over) -> None:
    first, second = said_in(over.replay()), said_in(over.replay())
    assert first == second
    assert len(first) > 0


def test_the_last_day_is_graded_too_and_every_day_is_a_job_of_the_twin(over: Over) -> None:
    played = over.replay()
    assert all(played.graded[day].n > 0 for day in over.days)
    engine = open_database(f"sqlite:///{played.database}")
    with engine.connect() as connection:
        runs = connection.execute(
            sa.select(tables.job_runs.c.game_date, tables.job_runs.c.state).where(tables.job_runs.c.job == "day")
        ).all()
    engine.dispose()
    assert len(runs) == N_DAYS + 1
    assert {state for _, state in runs} == {"done"}


def _moment(over: Over, day: date) -> Any:
    return mornings_module.mornings(over.raw(), day, day, 60)[0].moment


def test_monitors_of_a_replay_find_the_dates_before_it_built(over: Over) -> None:
    """Or freshness would be degraded by the replay itself."""
    day = over.days[0]
    engine = open_database(f"sqlite:///{over.replay(day, day).database}")
    with engine.connect() as connection:
        alarms = set(connection.scalars(sa.select(tables.alarms.c.name)))
        readings = tables.monitor_readings.c
        fresh = connection.execute(sa.select(readings.is_bad).where(readings.monitor == "freshness")).scalars().all()
    engine.dispose()
    assert fresh
    assert not any(fresh)
    assert "freshness" not in alarms
