"""The stage on which past dates play: the twin at a morning, and the steps of a day with a look for leaks between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import polars as pl

from contracts import clock
from contracts.errors import TipoffError
from contracts.jobs import FAILED, JobRun, job_run
from contracts.settings import Settings
from features.feature_sets import load_feature_set
from features.raw.facts import RawFacts
from registry.versions import ModelVersion
from serving.freshness import Freshness
from tipoff.coordinator.worker import make_tools
from tipoff.day.catch_up import DAY
from tipoff.day.cycle import steps_of_a_date
from tipoff.day.steps import Outcome, Step, run_steps
from tipoff.day.tools import Tools
from tipoff.replay.leaks import facts_of_the_future, n_knowing_too_much, rows_said_from
from tipoff.replay.mornings import Morning, morning_after
from tipoff.replay.outcome import ReplayedDay
from tipoff.replay.twin import Twin
from tipoff.wiring import Wiring

COMING = 30
"""Dates without results that rows are built for: the twin's schedule ends with the day, and some results never came."""

GRADED_DAYS = 14
"""How far back a replayed day grades: a result is known the morning after, and is not corrected any more."""

NOBODY_WAITS: dict[str, float] = {}
"""Only dates with games are played: that no job runs between two of them is no fault."""


class Stage:
    """Plays dates one after the other; `said_from` keeps the rows that each was predicted from, by feature set."""

    def __init__(self, wiring: Wiring, twin: Twin, raw: RawFacts, first: date) -> None:
        features = wiring.settings.features.model_copy(update={"coming_game_dates": COMING})
        self._wiring = wiring
        self._twin = twin
        self._raw = raw
        self._built_from = _some_dates_before(raw, first, wiring.settings.monitors.recent_dates)
        monitors = wiring.settings.monitors.model_copy(update={"heartbeat_hours": NOBODY_WAITS})
        self._settings = wiring.settings.model_copy(update={"features": features, "monitors": monitors})
        freshness = Freshness(twin.engine, self._settings)
        self._work = make_tools(twin.engine, wiring.home, self._settings, freshness)
        self.said_from: dict[str, list[pl.DataFrame]] = {}

    def play(self, morning: Morning, version: ModelVersion) -> ReplayedDay:
        """The date of `morning`, predicted by `version` alone; then as far as it goes what a day does."""
        started = time.monotonic()
        self._twin.learn_of(self._wiring.engine, version)
        outcomes = self._run(morning, self._settings_for(version), version.feature_set)
        return ReplayedDay(morning.game_date, version, outcomes, round(time.monotonic() - started, 3))

    def close(self, last: Morning, version: ModelVersion) -> list[Outcome]:
        """The day after the last one, so that its results are graded too."""
        return self._run(morning_after(last), self._settings_for(version), None)

    def _run(self, morning: Morning, settings: Settings, feature_set: str | None) -> list[Outcome]:
        tools = Tools(
            self._twin.home,
            settings,
            self._twin.engine,
            built_from=self._built_from,
            graded_days=GRADED_DAYS,
            acts=False,
            read=self._twin.read,
            work=self._work,
        )
        with clock.moved_to(morning.moment):
            self._twin.wake(self._raw, morning)
            with job_run(tools.engine, DAY, morning.game_date) as run:
                outcomes = run_steps(tools.engine, list(self._steps(tools, morning, feature_set)), morning.game_date)
                run.state = FAILED if any(outcome.is_failed for outcome in outcomes) else run.state
        return outcomes

    def _steps(self, tools: Tools, morning: Morning, feature_set: str | None) -> Iterator[Step]:
        """Those of a day; before it predicts, the twin is looked through for what nobody knew then."""
        for step in steps_of_a_date(tools):
            if step.name == "predict" and feature_set is not None:
                yield Step("no_leak", lambda _, run: self._look(morning, feature_set, run), needs=("build",))
                yield replace(step, needs=(*step.needs, "no_leak"))
            else:
                yield step

    def _look(self, morning: Morning, feature_set: str, run: JobRun) -> None:
        """Keep the rows of the date; raises TipoffError where the twin, or one of them, knows too much."""
        found = facts_of_the_future(self._twin.engine, morning)
        rows = rows_said_from(self._twin.engine, load_feature_set(feature_set), morning.game_date)
        late = n_knowing_too_much(rows)
        self.said_from.setdefault(feature_set, []).append(rows)
        run.figures = {"leaks": sum(found.values()) + late, "rows": rows.height}
        if found or late:
            told = ", ".join(f"{n} of {table}" for table, n in found.items())
            raise TipoffError(
                f"On the morning of {morning.game_date} the twin holds what nobody knew: {told or 'no fact'}; "
                f"{late} rows know their own date.",
                remedy="This is a defect of the replay: tell its authors.",
            )

    def _settings_for(self, version: ModelVersion) -> Settings:
        asked = self._settings.coordinator.model_copy(update={"systems": (f"version:{version.version}",)})
        learned = self._settings.training.model_copy(update={"feature_set": version.feature_set})
        return self._settings.model_copy(update={"coordinator": asked, "training": learned})


def _some_dates_before(raw: RawFacts, first: date, n_dates: int) -> date:
    """The date from which rows are built, so that monitors find as many dates before the first one as they look at."""
    before = raw.games.filter(pl.col("game_date") < first)["game_date"].unique().sort().tail(n_dates)
    return before[0] if before.len() else first
