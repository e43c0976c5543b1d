"""What the monitors remember: readings, one a subject and date, and the states that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from contracts import clock
from contracts.database import writing
from contracts.tables import monitor_readings, monitor_states
from monitoring.readings import Reading
from monitoring.states import Patience, Standing, State, follow

Subject = tuple[str, str]
"""A monitor's name and what it measured."""


def remember(
    engine: sa.Engine, game_date: date, readings: Sequence[Reading], patience: Mapping[str, Patience]
) -> dict[Subject, Standing]:
    """Keep the `readings` of `game_date` in the place of earlier ones of that date; returns how every subject stands.

    `patience` names the monitors, all of them. A date counts once, however often it is looked at. A subject without a
    measured reading has no standing. One that its monitor does not name any more, though it names others (a version
    that was replaced, a feature that is gone), loses it; where a monitor could name none, nothing is forgotten.
    """
    with writing(engine) as connection:
        _take_turns(connection)
        of_date = (monitor_readings.c.game_date == game_date, monitor_readings.c.monitor.in_(list(patience)))
        connection.execute(sa.delete(monitor_readings).where(*of_date))
        if readings:
            connection.execute(sa.insert(monitor_readings), [_row(each, game_date) for each in readings])
        before = _standings(connection)
        naming = {reading.monitor for reading in readings if reading.subject}
        after = {
            subject: standing
            for subject, standing in before.items()
            if subject[0] in patience and (subject[0] not in naming or standing.game_date > game_date)
        }
        for reading in readings:
            subject = (reading.monitor, reading.subject)
            found = _after(connection, before.get(subject), reading, game_date, patience[reading.monitor])
            if found is not None:
                after[subject] = found
        _write(connection, after)
    return after


def standings(engine: sa.Engine) -> dict[Subject, Standing]:
    """How every subject stands."""
    with engine.connect() as connection:
        return _standings(connection)


def newest_readings(engine: sa.Engine) -> list[dict[str, Any]]:
    """The newest measured reading of every subject, as plain values of the table, by monitor and subject."""
    table = monitor_readings.c
    newest = sa.select(table.monitor, table.subject, sa.func.max(table.game_date).label("game_date"))
    newest = newest.where(table.value.is_not(None))
    last = newest.group_by(table.monitor, table.subject).subquery()
    same = sa.and_(*(table[name] == last.c[name] for name in ("monitor", "subject", "game_date")))
    query = sa.select(monitor_readings).join(last, same).order_by(table.monitor, table.subject)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def fold(readings: Iterable[tuple[date, float, bool]], patience: Patience) -> Standing | None:
    """The standing after measured readings (date, value, is bad) in the order of their dates; None: there are none."""
    standing: Standing | None = None
    for game_date, value, is_bad in readings:
        standing = follow(standing, game_date, value, is_bad, patience)
    return standing


def _after(
    connection: sa.Connection, before: Standing | None, reading: Reading, game_date: date, patience: Patience
) -> Standing | None:
    """One step on where `game_date` is later than all that was counted, else all that is kept once more."""
    if before is None or before.game_date >= game_date:
        table = monitor_readings.c
        query = sa.select(table.game_date, table.value, table.is_bad).where(
            table.monitor == reading.monitor, table.subject == reading.subject, table.value.is_not(None)
        )
        kept = connection.execute(query.order_by(table.game_date))
        return fold([(row.game_date, row.value, row.is_bad) for row in kept], patience)
    if reading.value is None:
        return before
    return follow(before, game_date, reading.value, reading.is_bad, patience)


def _standings(connection: sa.Connection) -> dict[Subject, Standing]:
    return {
        (row.monitor, row.subject): Standing(State(row.state), row.since, row.n_bad, row.n_good, row.game_date)
        for row in connection.execute(sa.select(monitor_states))
    }


def _write(connection: sa.Connection, standing: Mapping[Subject, Standing]) -> None:
    connection.execute(sa.delete(monitor_states))
    rows = [
        {"monitor": monitor, "subject": subject, **vars(each), "state": str(each.state)}
        for (monitor, subject), each in standing.items()
    ]
    if rows:
        connection.execute(sa.insert(monitor_states), rows)


def _row(reading: Reading, game_date: date) -> dict[str, Any]:
    return {
        "monitor": reading.monitor,
        "subject": reading.subject,
        "game_date": game_date,
        "value": reading.value,
        "limit_value": reading.limit,
        "n": reading.n,
        "is_bad": reading.is_bad,
        "detail": reading.detail,
        "read_at": clock.now(),
    }


def _take_turns(connection: sa.Connection) -> None:
    """Two looks at once follow each other: on SQLite they do anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE monitor_states IN EXCLUSIVE MODE"))
