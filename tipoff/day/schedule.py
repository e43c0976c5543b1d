"""The schedule: `tipoff day` started once a day by whoever watches the clock, also late, and again where it failed."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

import sqlalchemy as sa

from contracts import clock
from contracts.home import Home
from contracts.jobs import DONE, FAILED, latest_run
from contracts.settings import DailySettings, Settings
from monitoring.alarms import Finding, keep_alarms
from tipoff.day.catch_up import DAY
from tipoff.day.cycle import lock_path
from tipoff.day.turn import is_running

ORIGIN = "schedule"
"""Whose alarms these are: of a day that could not tell its own, because it was killed or had no database."""
LAST_WORDS = 500
"""Characters of its log that an alarm repeats."""

log = logging.getLogger("tipoff.day")


def is_due(settings: DailySettings, now: datetime, latest_start: datetime | None) -> bool:
    """Whether a day that is not done is to be started `now`; `latest_start`: when it was tried last."""
    if settings.at is None:
        return False
    begins = datetime.combine(clock.league_date(now), time.fromisoformat(settings.at), clock.LEAGUE_ZONE)
    pause = timedelta(minutes=settings.retry_minutes)
    return now >= begins and (latest_start is None or now - latest_start >= pause)


@dataclass
class DaySchedule:
    """Starts the day of today as a process of its own, one at a time; its words go to day.log in the home."""

    engine: sa.Engine
    home: Home
    settings: Settings
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _game_date: date | None = field(default=None, init=False)
    _started_at: datetime | None = field(default=None, init=False)

    @property
    def log_path(self) -> Path:
        """What the days that it started have said."""
        return self.home.root / "day.log"

    def look(self) -> None:
        """Tell of a day that ended badly, and start one that is due and neither done nor running."""
        if self._process is not None and self._process.poll() is not None:
            self._see_off(self._process.returncode)
        now = clock.now()
        game_date = clock.league_date(now)
        if self._process is None and is_due(self.settings.daily, now, self._latest_start(game_date)):
            is_done = latest_run(self.engine, DAY, game_date, DONE) is not None
            if not is_done and not is_running(lock_path(self.home)):
                self._start(game_date, now)

    def _latest_start(self, game_date: date) -> datetime | None:
        """When today's day was begun last, by anybody; one that never reached the database was begun from here."""
        known = latest_run(self.engine, DAY, game_date)
        begun = [known["started_at"]] if known is not None else []
        return max(
            [*begun, *([self._started_at] if self._game_date == game_date and self._started_at else [])], default=None
        )

    def _start(self, game_date: date, now: datetime) -> None:
        command = [sys.executable, "-m", "tipoff", "day", "--date", game_date.isoformat()]
        with self.log_path.open("ab") as said:  # a session of its own: Ctrl-C for the coordinator does not end it
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        self._game_date, self._started_at = game_date, now
        log.info("The day of %s begins", game_date)

    def _see_off(self, code: int) -> None:
        game_date, self._process = self._game_date, None
        known = latest_run(self.engine, DAY, game_date)
        has_told = known is not None and known["state"] in (DONE, FAILED)
        findings = []
        if code and not has_told:
            last_words = self.log_path.read_text(errors="replace")[-LAST_WORDS:].strip()
            message = f"The day of {game_date} ended with exit code {code} and told nothing: {last_words}"
            findings.append(Finding("day_died", str(game_date), message, f"tipoff day --date {game_date}"))
        log.log(logging.ERROR if code else logging.INFO, "The day of %s ended with exit code %s", game_date, code)
        keep_alarms(self.engine, ORIGIN, findings)
