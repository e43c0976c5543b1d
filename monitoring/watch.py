"""Watching: every monitor reads a date, states follow, alarms are kept, and what is to be done is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from contracts.errors import UnavailableError
from contracts.settings import MonitorAction, Settings
from monitoring.alarms import Finding, keep_alarms
from monitoring.memory import Subject, newest_readings, remember
from monitoring.monitors.catalog import MONITORS
from monitoring.readings import Reading, not_measured
from monitoring.states import Standing
from monitoring.view import Service, View

ORIGIN = "monitors"


@dataclass(frozen=True)
class Action:
    """What is to be done about a subject that is degraded or blocked, and why."""

    kind: MonitorAction
    monitor: str
    subject: str
    why: str


@dataclass(frozen=True)
class Watched:
    """One look: what was read, how every subject stands, what is wrong, what to do; `down` says who could not measure.

    `findings` are the alarms of degraded and blocked subjects; an action stands as long as its subject is so.
    """

    game_date: date
    readings: Sequence[Reading]
    states: Mapping[Subject, Standing]
    findings: Sequence[Finding]
    actions: Sequence[Action]
    down: Mapping[str, UnavailableError]

    def standing(self, reading: Reading) -> Standing | None:
        """How the reading's subject stands; None: it was never measured."""
        return self.states.get((reading.monitor, reading.subject))

    def to_json(self) -> dict[str, Any]:
        """Plain values: game_date, findings, readings with their states, actions, down."""
        return {
            "game_date": self.game_date.isoformat(),
            "findings": [vars(finding) for finding in self.findings],
            "readings": [vars(each) | _plain(self.standing(each)) for each in self.readings],
            "actions": [vars(action) for action in self.actions],
            "down": {name: error.message for name, error in self.down.items()},
        }


def watch(engine: sa.Engine, settings: Settings, game_date: date, *, service: Service | None = None) -> Watched:
    """Look at `game_date` by every monitor, remember it and keep the alarms of origin `monitors`.

    What is known of dates before it counts, and of the date itself what is known before its games. The same date again
    replaces what was read of it. `service` asks the running services which files they answer with (None: not asked).
    """
    view = View(engine, settings, game_date, service)
    readings: list[Reading] = []
    down: dict[str, UnavailableError] = {}
    for name, monitor in MONITORS.items():
        try:
            readings += monitor.read(view)
        except UnavailableError as error:
            down[name] = error
            readings.append(not_measured(name, "", error.message.rstrip(".")))
    patience = {name: monitor.patience(settings.monitors) for name, monitor in MONITORS.items()}
    states = remember(engine, game_date, readings, patience)
    findings = _findings(states, _details(engine, states, readings))
    keep_alarms(engine, ORIGIN, findings)
    return Watched(game_date, readings, states, findings, _actions(findings, settings), down)


def _details(engine: sa.Engine, states: Mapping[Subject, Standing], readings: Sequence[Reading]) -> dict[Subject, str]:
    """What was last measured of every subject that stands: of most in this look."""
    now = {(reading.monitor, reading.subject): reading.detail for reading in readings if reading.is_measured}
    if states.keys() <= now.keys():
        return now
    return {(row["monitor"], row["subject"]): row["detail"] for row in newest_readings(engine)}


def _findings(states: Mapping[Subject, Standing], details: Mapping[Subject, str]) -> list[Finding]:
    """One finding a subject that is degraded or blocked, in the monitors' order."""
    order = list(MONITORS)
    wrong = [(subject, standing) for subject, standing in states.items() if standing.state.is_alarm]
    return [
        Finding(
            name=monitor,
            subject=subject,
            message=f"{monitor} is {standing.state} since {standing.since}: {details[monitor, subject]}",
            remedy=MONITORS[monitor].remedy.replace("DATE", standing.game_date.isoformat()),
        )
        for (monitor, subject), standing in sorted(wrong, key=lambda each: (order.index(each[0][0]), each[0][1]))
    ]


def _actions(findings: Sequence[Finding], settings: Settings) -> list[Action]:
    return [
        Action(MONITORS[finding.name].action_of(settings.monitors), finding.name, finding.subject, finding.message)
        for finding in findings
    ]


def _plain(standing: Standing | None) -> dict[str, Any]:
    if standing is None:
        return {"state": None, "since": None}
    return {"state": str(standing.state), "since": standing.since.isoformat()}
