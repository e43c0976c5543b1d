"""Where the monitors stand, and the alarms that stand, each with the command to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from contracts.tables import monitor_states
from monitoring.report.markup import Column, Html, details, h, join, mark, nothing, section, table
from monitoring.report.words import dated, minute
from monitoring.states import State

WORST_FIRST = tuple(str(state) for state in reversed(State))
KINDS = {"blocked": "bad", "degraded": "bad", "watch": "watch", "healthy": "good"}


def read_states(engine: sa.Engine) -> list[dict[str, Any]]:
    """Every monitor's state about every subject, the worst first."""
    query = sa.select(monitor_states).order_by(monitor_states.c.monitor, monitor_states.c.subject)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return sorted(rows, key=lambda row: WORST_FIRST.index(row["state"]))


def worst_state(states: Sequence[Mapping[str, Any]]) -> str | None:
    """The worst state of any monitor; None where no monitor has spoken."""
    return min((row["state"] for row in states), key=WORST_FIRST.index, default=None)


def state_mark(state: str | None) -> Html:
    """A state as a coloured word; 'nothing yet' where there is none."""
    return mark("nothing yet", "quiet") if state is None else mark(state, KINDS[state])


def monitors(states: Sequence[Mapping[str, Any]]) -> Html:
    """The section of the monitors' states."""
    if not states:
        return section("Monitors", nothing("Nothing yet: no monitor has spoken (`tipoff monitor` looks once)."))
    columns = [Column("state"), Column("monitor"), Column("since")]
    columns += [Column("last reading", is_extra=True), Column("bad in a row", True, is_extra=True)]
    loud = [_row(row) for row in states if row["state"] != State.HEALTHY]
    quiet = [_row(row) for row in states if row["state"] == State.HEALTHY]
    shown = table(columns, loud, is_narrow=True) if loud else h("p", mark("healthy", "good"), " All that is watched.")
    unfolded = details(f"{len(quiet)} healthy", table(columns, quiet, is_narrow=True)) if quiet else None
    return section("Monitors", shown, unfolded)


def monitor_name(monitor: str, subject: str) -> str:
    """'drift: pace_score'; the monitor alone where it is about everything."""
    return f"{monitor}: {subject}" if subject else monitor


def _row(row: Mapping[str, Any]) -> tuple[object, ...]:
    name = monitor_name(row["monitor"], row["subject"])
    return state_mark(row["state"]), name, dated(row["since"]), dated(row["game_date"]), row["n_bad"]


def alarms(standing: Sequence[Mapping[str, Any]]) -> Html:
    """The section of the alarms that stand, as `standing_alarms` gives them."""
    if not standing:
        return section("Alarms", h("p", mark("none", "good"), " No alarm stands."))
    return section("Alarms", [alarm(row) for row in standing])


def alarm(row: Mapping[str, Any]) -> Html:
    """One alarm: what it says, since when, and what to run."""
    told = f"{row['name']}, raised {minute(row['raised_at'])} by the {row['origin']}"
    return h(
        "div",
        h("div", h("b", row["message"])),
        h("div", join("Run ", h("code", row["remedy"]))),
        h("div", told, class_="muted"),
        class_="alarm",
    )
