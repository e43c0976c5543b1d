"""A replay: each past date predicted on its morning by the very steps of a day, from nothing not known then."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date

import sqlalchemy as sa

from contracts import clock
from contracts.errors import UsageError
from contracts.tables import grades, predictions
from features.feature_sets import load_feature_set
from features.raw.facts import RawFacts, read_raw
from tipoff.day.turn import one_at_a_time
from tipoff.replay.leaks import compare
from tipoff.replay.mornings import mornings
from tipoff.replay.outcome import Graded, Replay, ReplayedDay
from tipoff.replay.stage import Stage
from tipoff.replay.twin import Twin, make_twin
from tipoff.replay.versions import Answering
from tipoff.wiring import Wiring

Progress = Callable[[int, int], None]
Now = Callable[[str], None]


def replay(wiring: Wiring, first: date, last: date, *, may_train: bool, progress: Progress, now: Now) -> Replay:
    """Every date with games from `first` to `last` (inclusive) as if live, in a twin under TIPOFF_HOME/replays.

    Nothing of it is written into the user's database, but a version that had to be trained (`may_train`). What it says
    carries the true time, so that grading labels all of it `backfill`.
    Raises UsageError for a span that runs backwards or is not over; RefusedError where no version may answer and none
    may be trained, and where a replay of the span runs already.
    """
    _refuse_impossible(first, last)
    folder = wiring.home.root / "replays" / f"{first}_{last}"
    with one_at_a_time(folder / "replay.lock", f"the replay of {first} to {last}"):
        now("reading what is known")
        with wiring.engine.connect() as connection:
            raw = read_raw(connection)
        twin = make_twin(wiring.home, folder)
        try:
            return _play(wiring, twin, raw, (first, last), Answering(wiring, may_train, now), progress, now)
        finally:
            twin.engine.dispose()


def _play(
    wiring: Wiring,
    twin: Twin,
    raw: RawFacts,
    span: tuple[date, date],
    answering: Answering,
    progress: Progress,
    now: Now,
) -> Replay:
    started = time.monotonic()
    found = mornings(raw, *span, wiring.settings.features.line_cutoff_minutes)
    stage = Stage(wiring, twin, raw, span[0])
    days: list[ReplayedDay] = []
    for morning in found:
        progress(len(days), len(found))
        version = answering.version_for(morning.game_date)
        now(str(morning.game_date))
        days.append(stage.play(morning, version))
    progress(len(days), len(found))
    closing = stage.close(found[-1], days[-1].version) if found else []
    now("comparing with the real table")
    comparisons = [
        compare(wiring.engine, wiring.settings, load_feature_set(name), rows) for name, rows in stage.said_from.items()
    ]
    graded = _graded(twin.engine)
    seconds = round(time.monotonic() - started, 3)
    file = str(twin.home.root / "tipoff.db")
    return Replay(days, closing, comparisons, graded, answering.trained, file, seconds)


def _graded(engine: sa.Engine) -> dict[date, Graded]:
    """The grades of each date, which are all of one label."""
    query = (
        sa.select(
            predictions.c.game_date,
            sa.func.min(grades.c.label),
            sa.func.count(grades.c.error),
            sa.func.avg(sa.func.abs(grades.c.error)),
        )
        .join(grades, grades.c.prediction_id == predictions.c.prediction_id)
        .group_by(predictions.c.game_date)
    )
    with engine.connect() as connection:
        return {day: Graded(label, n, mae) for day, label, n, mae in connection.execute(query)}


def _refuse_impossible(first: date, last: date) -> None:
    if first > last:
        raise UsageError(f"The span {first} to {last} runs backwards.", remedy="Give the earlier date first.")
    today = clock.league_date(clock.wall())
    if last >= today:
        raise UsageError(
            f"{last} is not over: a replay plays past days.", remedy=f"`tipoff day --date {last}` predicts it live."
        )
