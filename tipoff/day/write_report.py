"""Step report: the page of the date, in the home."""

from __future__ import annotations

from datetime import date

from contracts.jobs import JobRun
from monitoring.report.page import write_report
from tipoff.day.tools import Tools


def report(tools: Tools, game_date: date, run: JobRun) -> None:
    """TIPOFF_HOME/reports/DATE.html written whole; figures: path and bytes.

    Raises UsageError where it cannot be written.
    """
    path = write_report(tools.engine, tools.settings, game_date, tools.home.root / "reports" / f"{game_date}.html")
    run.figures = {"path": str(path), "bytes": path.stat().st_size}
    run.detail = str(path)
