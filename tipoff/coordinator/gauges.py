"""How things stand, as gauges that are read from the database when Prometheus asks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from prometheus_client.core import GaugeMetricFamily

from contracts.jobs import DONE, FAILED, age_seconds
from contracts.tables import LEDGER_STATES, alarms, batches, dead_letters, job_runs, ledger, monitor_states
from monitoring.states import State as MonitorState
from serving.http import own_version
from tipoff.coordinator.batches import newest_in
from tipoff.coordinator.relay import Address, count_undelivered
from tipoff.coordinator.states import State

log = logging.getLogger("tipoff.coordinator")

Values = dict[tuple[str, ...], float]


class Gauges:
    """A collector of Prometheus: the scrape never fails with the database, `tipoff_database_up` says it is away.

    `told` are the addresses that events are owed to; `seconds_since_look` tells when the schedule was last held against
    what is there (None: not yet).
    """

    def __init__(
        self,
        engine: sa.Engine,
        told: Sequence[Address] = (),
        seconds_since_look: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._told = told
        self._seconds_since_look = seconds_since_look

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: nobody asks the database only to register."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every gauge that can be told now."""
        yield _gauge(
            "tipoff_build_info", "1, labelled with the version of tipoff.", ("version",), {(own_version(),): 1}
        )
        seconds = self._seconds_since_look()
        if seconds is not None:
            yield _gauge(
                "tipoff_reconciled_age_seconds", "Since the schedule was held against what is there.", (), {(): seconds}
            )
        try:
            found = self._read()
        except sa.exc.SQLAlchemyError as error:
            log.error("The database does not tell how things stand: %s", str(error).splitlines()[0])
            found = []
        yield _gauge("tipoff_database_up", "1 where the database answers.", (), {(): float(bool(found))})
        yield from found

    def _read(self) -> list[GaugeMetricFamily]:
        with self._engine.connect() as connection:
            found = [
                _gauge("tipoff_ledger_rows", "Rows of open batches, by state.", ("state",), _ledger_rows(connection)),
                _gauge("tipoff_open_batches", "Batches of which a row is still to end.", (), _open_batches(connection)),
                _gauge("tipoff_dead_letters", "Player-games given up and not replayed.", (), _dead_letters(connection)),
                _gauge("tipoff_alarms", "Alarms that stand, by name.", ("name",), _alarms(connection)),
                _gauge(
                    "tipoff_monitor_subjects",
                    "What a monitor watches, counted by its state.",
                    ("monitor", "state"),
                    _monitors(connection),
                ),
                _gauge(
                    "tipoff_batch_coverage",
                    "Predicted of expected in the batch started last.",
                    ("system",),
                    _coverage(connection),
                ),
                _gauge(
                    "tipoff_job_done_age_seconds", "Since a job was last done.", ("job_name",), _done_ages(connection)
                ),
                _gauge("tipoff_job_failed", "1 where a job's newest run failed.", ("job_name",), _failed(connection)),
            ]
        owed: Values = {(): float(sum(count_undelivered(self._engine, self._told).values()))}
        return [*found, _gauge("tipoff_undelivered_events", "Events that an address has not taken yet.", (), owed)]


def _gauge(name: str, about: str, labels: Sequence[str], values: Values) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, about, labels=list(labels))
    for key, value in sorted(values.items()):
        family.add_metric(list(key), value)
    return family


def _ledger_rows(connection: sa.Connection) -> Values:
    is_open = sa.select(batches.c.batch_id).where(batches.c.ended_at.is_(None))
    query = sa.select(ledger.c.state, sa.func.count()).where(ledger.c.batch_id.in_(is_open)).group_by(ledger.c.state)
    return {(state,): 0.0 for state in LEDGER_STATES} | {(state,): n for state, n in connection.execute(query)}


def _open_batches(connection: sa.Connection) -> Values:
    return _count(connection, batches, batches.c.ended_at.is_(None))


def _dead_letters(connection: sa.Connection) -> Values:
    return _count(connection, dead_letters, dead_letters.c.replayed_at.is_(None))


def _count(connection: sa.Connection, table: sa.Table, condition: sa.ColumnElement[bool]) -> Values:
    query = sa.select(sa.func.count()).select_from(table).where(condition)
    return {(): connection.execute(query).scalar_one()}


def _alarms(connection: sa.Connection) -> Values:
    query = sa.select(alarms.c.name, sa.func.count()).where(alarms.c.resolved_at.is_(None)).group_by(alarms.c.name)
    return {(name,): n for name, n in connection.execute(query)}


def _monitors(connection: sa.Connection) -> Values:
    """Every state of every monitor that has spoken, 0 where it watches nothing that stands so."""
    kept = monitor_states.c
    query = sa.select(kept.monitor, kept.state, sa.func.count()).group_by(kept.monitor, kept.state)
    counted: Values = {(monitor, state): float(n) for monitor, state, n in connection.execute(query)}
    none: Values = {(key[0], str(state)): 0.0 for key in counted for state in MonitorState}
    return none | counted


def _coverage(connection: sa.Connection) -> Values:
    newest = newest_in(connection, None)
    if newest is None:
        return {}
    predicted = sa.func.sum(sa.case((ledger.c.state == str(State.PREDICTED), 1), else_=0))
    query = sa.select(ledger.c.system, predicted, sa.func.count()).where(ledger.c.batch_id == newest.batch_id)
    return {(system,): n / of for system, n, of in connection.execute(query.group_by(ledger.c.system))}


def _done_ages(connection: sa.Connection) -> Values:
    last = sa.func.max(job_runs.c.ended_at, type_=job_runs.c.ended_at.type)
    query = sa.select(job_runs.c.job, last).where(job_runs.c.state == DONE).group_by(job_runs.c.job)
    return {(job,): age_seconds(ended_at) for job, ended_at in connection.execute(query)}


def _failed(connection: sa.Connection) -> Values:
    newest = sa.select(sa.func.max(job_runs.c.run_id)).group_by(job_runs.c.job)
    query: Any = sa.select(job_runs.c.job, job_runs.c.state).where(job_runs.c.run_id.in_(newest))
    return {(job,): float(state == FAILED) for job, state in connection.execute(query)}
