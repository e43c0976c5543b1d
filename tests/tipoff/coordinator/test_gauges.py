"""/metrics: how things stand, read at the scrape, which does not fail with the database."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from contracts.database import writing
from contracts.events import PREDICTIONS_COMPLETED, record_events
from contracts.jobs import job_run
from contracts.tables import dead_letters, ledger, monitor_states
from monitoring.alarms import Finding, keep_alarms
from tipoff.coordinator.batches import open_batch
from tipoff.coordinator.gauges import Gauges
from tipoff.coordinator.ledger import claim, end
from tipoff.coordinator.metrics import Metrics
from tipoff.coordinator.relay import Address

DAY = date(2024, 3, 1)


def read(gauges: Gauges) -> dict[tuple[str, ...], float]:
    """(name, label values...) -> value, as Prometheus reads the exposition."""
    text = Metrics(gauges).text().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_an_empty_database_has_every_gauge_that_needs_no_name(engine):
    told = read(Gauges(engine))
    assert told["tipoff_database_up",] == 1
    assert told["tipoff_open_batches",] == told["tipoff_dead_letters",] == told["tipoff_undelivered_events",] == 0
    assert {key[1]: value for key, value in told.items() if key[0] == "tipoff_ledger_rows"} == dict.fromkeys(
        ("waiting", "claimed", "predicted", "skipped", "failed"), 0
    )
    assert not [key for key in told if key[0] in ("tipoff_alarms", "tipoff_batch_coverage")]


def test_rows_count_while_their_batch_is_open_and_coverage_is_the_newest_batchs(
    database, make_expectation, predicted, settings
):
    open_batch(database, make_expectation(n_players=4, systems=("a", "b")))
    held = claim(database, "w", settings.coordinator)
    end(database, held, predicted(held))
    told = read(Gauges(database))
    assert told["tipoff_open_batches",] == 1
    assert (told["tipoff_ledger_rows", "waiting"], told["tipoff_ledger_rows", "predicted"]) == (4, 4)
    assert {told["tipoff_batch_coverage", system] for system in ("a", "b")} == {0.0, 1.0}
    held = claim(database, "w", settings.coordinator)
    end(database, held, predicted(held))
    told = read(Gauges(database))
    assert (told["tipoff_open_batches",], told["tipoff_ledger_rows", "predicted"]) == (0, 0)
    assert told["tipoff_batch_coverage", "b"] == 1


def test_alarms_monitors_letters_events_and_jobs_are_counted(engine, make_expectation):
    batch, _ = open_batch(engine, make_expectation(n_players=1))
    keep_alarms(engine, "a", [Finding("not_built", str(place), "m", "r") for place in range(3)])
    keep_alarms(engine, "b", [Finding("drift", "x", "m", "r")])
    keep_alarms(engine, "b", [])
    with job_run(engine, "day", DAY):
        pass
    with pytest.raises(OSError, match="away"), job_run(engine, "day.ingest", DAY):
        raise OSError("away")
    state = {"since": DAY, "n_bad": 0, "n_good": 0, "game_date": DAY, "monitor": "feature_drift"}
    with writing(engine) as connection:
        rows = [state | {"subject": name, "state": each} for name, each in (("x", "watch"), ("y", "watch"))]
        connection.execute(sa.insert(monitor_states), rows)
        row = dict(connection.execute(sa.select(ledger)).mappings().one())
        letter = {name: row[name] for name in ("system", "game_id", "player_id", "attempt")}
        died = {"batch_id": batch.batch_id, "reason": "error", "died_at": batch.started_at}
        connection.execute(sa.insert(dead_letters).values(letter | died))
        record_events(connection, PREDICTIONS_COMPLETED, "s", [{}, {}])
    told = read(Gauges(engine, [Address("http://one"), Address("http://two")], lambda: 12.5))
    assert told["tipoff_alarms", "not_built"] == 3
    assert ("tipoff_alarms", "drift") not in told, "a resolved alarm stands no more"
    assert told["tipoff_dead_letters",] == 1
    assert told["tipoff_undelivered_events",] == 4
    assert told["tipoff_monitor_subjects", "feature_drift", "watch"] == 2
    assert told["tipoff_monitor_subjects", "feature_drift", "blocked"] == 0
    assert (told["tipoff_job_failed", "day"], told["tipoff_job_failed", "day.ingest"]) == (0, 1)
    assert 0 <= told["tipoff_job_done_age_seconds", "day"] < 60
    assert ("tipoff_job_done_age_seconds", "day.ingest") not in told, "it was never done"
    assert told["tipoff_reconciled_age_seconds",] == 12.5


def test_a_scrape_does_not_fail_with_the_database_and_says_so(tmp_path):
    away = sa.create_engine(f"sqlite:///{tmp_path / 'none' / 'tipoff.db'}")
    told = read(Gauges(away))
    assert told["tipoff_database_up",] == 0
    assert not [key for key in told if key[0] == "tipoff_ledger_rows"]
    assert [key for key in told if key[0] == "tipoff_build_info"]
