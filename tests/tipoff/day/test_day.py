"""`tipoff day`: every step with its post-condition, again without doing anything twice, missed days in order."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from contracts.database import writing
from contracts.tables import grades, job_runs, monitor_readings, predictions
from tests.tipoff.day.conftest import N_SYSTEMS, Place, detail_of, steps_of

STEPS = ["ingest", "build", "predict", "grade", "monitor", "report", "retrain"]


def test_a_day_ingests_builds_predicts_and_the_next_one_grades_it(place: Place) -> None:
    first = place.day(place.today)
    assert [step["name"] for step in first["steps"]] == STEPS
    assert steps_of(first) == dict.fromkeys(STEPS, "done") | {"grade": "skipped", "retrain": "skipped"}
    n_said = place.predicted(place.today)
    expected = next(step["figures"]["expected"] for step in first["steps"] if step["name"] == "predict")
    assert n_said == expected > 0
    place.publish(place.later[0])
    second = place.day(place.later[0])
    assert second["state"] == "done"
    assert steps_of(second)["grade"] == "done"
    assert place.count(grades) == n_said
    assert place.predicted(place.later[0]) > 0


def test_a_day_leaves_its_report_and_what_the_monitors_read(place: Place) -> None:
    said = place.day(place.today)
    page = (place.root / "reports" / f"{place.today}.html").read_text()
    assert str(place.today) in page
    readings = next(step["figures"]["readings"] for step in said["steps"] if step["name"] == "monitor")
    assert place.count(monitor_readings, monitor_readings.c.game_date == place.today) == readings > 0


def test_the_same_day_again_changes_nothing(place: Place) -> None:
    place.day(place.today)
    before = place.predicted(place.today)
    again = place.day(place.today)
    assert again["state"] == "done"
    assert place.predicted(place.today) == before
    assert "0 dates built" in detail_of(again, "build")
    assert [step["figures"].get("changed") for step in again["steps"] if step["name"] == "ingest"] == [0]


def test_a_date_without_games_is_no_games_and_grades_what_was_said_before(place: Place) -> None:
    place.day(place.today)
    free = next(
        day
        for day in (place.today + timedelta(days=n) for n in range(1, 20))
        if day not in place.league.dates and day > place.today
    )
    place.publish(free)
    said = place.day(free)
    assert said["state"] == "no_games"
    assert steps_of(said)["predict"] == "skipped"
    assert steps_of(said)["grade"] == "done"
    assert place.count(grades) > 0


def test_missed_days_are_caught_up_in_order_before_the_day(place: Place) -> None:
    place.day(place.today)
    missed = place.later[:2]
    place.publish(place.later[2])
    said = place.day(place.later[2])
    assert [day["game_date"] for day in said["caught_up"]] == [day.isoformat() for day in missed]
    assert [day for day, _ in place.runs("day.predict")] == [place.today, *missed, place.later[2]]
    assert all(place.predicted(day) > 0 for day in (*missed, place.later[2]))
    with place.engine.connect() as connection:
        query = sa.select(predictions.c.game_date, grades.c.label).join(grades).distinct()
        assert {label for day, label in connection.execute(query) if day in missed} == {"backfill"}, "said too late"


def test_a_day_that_failed_is_caught_up_though_a_later_one_is_done(place: Place) -> None:
    """Resume is expected minus done, and not last success + 1."""
    place.day(place.today)
    with writing(place.engine) as connection:
        connection.execute(sa.update(job_runs).where(job_runs.c.job == "day").values(state="failed"))
        done = {"job": "day", "game_date": place.later[0], "state": "done"}
        connection.execute(sa.insert(job_runs).values(**done, started_at=sa.func.now(), ended_at=sa.func.now()))
    place.publish(place.later[1])
    said = place.day(place.later[1])
    assert [day["game_date"] for day in said["caught_up"]] == [place.today.isoformat()]


def test_what_was_before_the_first_day_is_not_caught_up(place: Place) -> None:
    assert place.day(place.today)["caught_up"] == []


def test_each_system_is_predicted_for_each_expected_player(place: Place) -> None:
    said = place.day(place.today)
    figures = next(step["figures"] for step in said["steps"] if step["name"] == "predict")
    rows = next(step["figures"]["expected"] for step in said["steps"] if step["name"] == "build")
    assert figures["expected"] == N_SYSTEMS * rows["v2_33features"]
    assert figures["coverage"] == 1.0


def test_the_end_of_the_known_schedule_within_a_season_is_an_alarm(place: Place) -> None:
    """Nothing runs where no game is known, and that must not be silent."""
    after = place.league.dates[-1] + timedelta(days=2)
    place.publish(after)
    said = place.day(after)
    assert said["state"] == "no_games"
    assert ("schedule_ends", place.league.dates[-1].isoformat()) in place.alarms()
    much_later = place.league.dates[-1] + timedelta(days=60)
    place.day(much_later)
    assert place.alarms() == []
