"""One look of the monitors, for people and programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from tipoff.output import emit, say, table, working

if TYPE_CHECKING:
    from monitoring.readings import Reading
    from monitoring.watch import Watched
    from tipoff.watching import Deed

COLUMNS = ("monitor", "subject", "state", "since", "value", "limit", "N")
COLOURS = {"healthy": "green", "watch": "yellow", "degraded": "red", "blocked": "bold red"}


def look(game_date: date | None, *, act: bool, as_json: bool) -> None:
    """Look, act where asked, and tell; ends the command with 1 where something is down or an action failed."""
    from contracts import clock
    from tipoff.alerts import tell_alarms
    from tipoff.watching import carry_out
    from tipoff.watching import look as watch
    from tipoff.wiring import wire

    wiring = wire()
    day = game_date or clock.league_date(clock.now())
    with working(f"Looking at {day}"):
        watched = watch(wiring, day)
    deeds = carry_out(wiring, watched) if act else []
    untold = tell_alarms(wiring.home, wiring.settings, wiring.engine)
    if untold is not None:
        say(f"[yellow]{untold}[/]")
    if not as_json:
        _show(watched, deeds)
    emit(watched.to_json() | {"deeds": [vars(deed) for deed in deeds]}, as_json=as_json)
    sys.exit(1 if watched.down or any(deed.is_failed for deed in deeds) else 0)


def _show(watched: Watched, deeds: Sequence[Deed]) -> None:
    title = f"{watched.game_date}: {len(watched.findings)} findings in {len(watched.readings)} readings"
    table(title, COLUMNS, [_row(watched, reading) for reading in _worth_telling(watched)])
    for finding in watched.findings:
        say(f"[red]{finding.name}[/] {finding.subject}: {finding.message}\n  {finding.remedy}")
    for error in watched.down.values():
        say(f"[red]Down[/]: {error.message}\n  {error.remedy or ''}")
    for deed in deeds:
        say(f"{deed.kind}: {'done' if deed.is_done else 'not done'}, {deed.detail}")


def _worth_telling(watched: Watched) -> list[Reading]:
    """All that is not healthy, and of the healthy subjects of a monitor the one nearest to its limit."""
    told: list[Reading] = []
    quiet: dict[str, list[Reading]] = {}
    for reading in watched.readings:
        standing = watched.standing(reading)
        if (standing is not None and standing.state != "healthy") or reading.is_bad:
            told.append(reading)
        else:
            quiet.setdefault(reading.monitor, []).append(reading)
    for readings in quiet.values():
        told.append(max(readings, key=_nearness))
    order = [reading.monitor for reading in watched.readings]
    return sorted(told, key=lambda reading: order.index(reading.monitor))


def _nearness(reading: Reading) -> float:
    if reading.value is None:
        return float("-inf")
    return reading.value - (reading.limit or 0.0)


def _row(watched: Watched, reading: Reading) -> list[object]:
    standing = watched.standing(reading)
    state = "not measured" if standing is None else f"[{COLOURS[standing.state]}]{standing.state}[/]"
    since = None if standing is None else str(standing.since)
    return [reading.monitor, reading.subject, state, since, reading.value, reading.limit, reading.n]
