"""Step monitor: every monitor looks at the date, and what it wants done is done where the settings let it."""

from __future__ import annotations

from datetime import date

from contracts.errors import TipoffError, UnavailableError
from contracts.jobs import JobRun
from monitoring.watch import watch
from tipoff.day.tools import Tools
from tipoff.watching import carry_out, look
from tipoff.wiring import Wiring


def monitor(tools: Tools, game_date: date, run: JobRun) -> None:
    """Readings, states and alarms of the monitors kept; figures: readings, findings, deeds. A finding is no failure.

    Raises UnavailableError where a monitor could not measure because something is down, TipoffError where an action
    failed.
    """
    wiring = Wiring(tools.home, tools.settings, tools.engine)
    watched = look(wiring, game_date) if tools.acts else watch(tools.engine, tools.settings, game_date)
    deeds = carry_out(wiring, watched) if tools.acts else []
    n_done = sum(deed.is_done for deed in deeds)
    run.figures = {"readings": len(watched.readings), "findings": len(watched.findings), "deeds": n_done}
    run.detail = f"{len(watched.readings)} readings, {len(watched.findings)} findings, {n_done} actions carried out."
    if watched.down:
        told = " ".join(f"{name}: {error.message}" for name, error in watched.down.items())
        raise UnavailableError(told, remedy=next(iter(watched.down.values())).remedy)
    failed = [deed for deed in deeds if deed.is_failed]
    if failed:
        raise TipoffError(" ".join(f"{deed.kind}: {deed.detail}" for deed in failed), remedy="tipoff monitor --act")
