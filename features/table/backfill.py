"""Backfill: what is expected and not there is computed, checked and written, each chunk whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import polars as pl
import sqlalchemy as sa

from contracts.database import writing
from contracts.errors import UnavailableError
from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from features.builders.compute import BUILDERS, compute
from features.engines.choice import Engine
from features.quality.gates import Computed, check_build
from features.quality.verdict import Finding
from features.raw.facts import read_raw
from features.table.builds import (
    FEATURE_STORE,
    claim,
    current_build,
    finish_build,
    newest_failed,
    running_build,
)
from features.table.completeness import refuse_missing_rows
from features.table.completions import record_completions, record_failure
from features.table.lock import backfill_lock
from features.table.plan import Plan, Read, Span, make_plan
from features.table.raw_history import record_inputs
from features.table.raw_mark import remember
from features.table.units import Unit, delete_units, write_units
from features.table.versioned_rows import Changes, builder_table, close_dates, hashed, key_columns, store

CHUNK_DATES = 30
"""Game dates a transaction: about a month."""

Frames = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class BackfillReport:
    """What a backfill did.

    rows: rows of the feature table that were computed and stand there; dates: dates built; skipped: dates of the
    span that were there already; changed: rows of all builders that were written because they are new or differ
    (what happened is written into the rows of games that were still to come);
    closed: rows of all builders that are no longer current; player_games, expected_absent: of `rows`, who appeared and
    who was expected and did not; games_without_results: past games of the span without box scores, not expected.
    """

    build_id: int
    rows: int
    dates: int
    skipped: int
    seconds: float
    changed: int
    closed: int
    player_games: int
    expected_absent: int
    games_without_results: int
    findings: list[Finding]


def backfill(
    engine: sa.Engine,
    feature_set: FeatureSet,
    settings: Settings,
    *,
    date_from: date | None = None,
    date_to: date | None = None,
    seasons: tuple[int, int] | None = None,
    rebuild: bool = False,
    compute_with: Engine = compute,
    accept_quality: str | None = None,
    publish: bool = False,
    progress: Callable[[int, int], None] | None = None,
    now: Callable[[str], None] | None = None,
    wait_seconds: float = 60.0,
    read: Read = read_raw,
) -> BackfillReport:
    """Build every expected date of the span whose rows are missing or stale (`rebuild`: every one).

    A build comes into being only where there is something to do. Its chunks are committed one by one: after an
    interruption the next backfill does what is left. `progress` is called with (dates done, dates to do),
    `now` with the name of each step as it begins. `compute_with` is an engine of features.engines.choice: which one
    changes no bit. `accept_quality` is the reason why rows that fail the quality gates become current all the same; it
    is kept with the build. `publish` records an event for each builder and date, with its rows or with its failure.
    `read` is for a caller who holds in memory what the raw tables hold.

    Raises UnavailableError where nothing was ingested; UsageError for a span that is none; RefusedError where the
    rows fail the quality checks or are fewer than expected (the earlier build stays current), where definitions changed
    under the same name, or where another backfill still runs after `wait_seconds`.
    """
    started = time.monotonic()
    tell = now or _tell_nobody
    tell("waiting for its turn")
    with backfill_lock(engine, wait_seconds):
        tell("reading what is known")
        raw, plan = make_plan(engine, feature_set, settings, Span(date_from, date_to, seasons), rebuild, read)
        _remember(engine, feature_set, settings, plan)
        if not plan.has_work:
            return _nothing_to_do(engine, feature_set, plan, started)
        with _told_failure(engine, feature_set, plan, publish), running_build(engine, feature_set) as build_id:
            tell(f"computing {len(plan.to_do):,} dates")
            frames = compute_with(raw, feature_set, settings.features, plan.to_do)
            refuse_missing_rows(raw, frames, plan.to_do)
            tell("checking the rows")
            computed = Computed(frames, raw, plan.to_do)
            findings = check_build(engine, build_id, feature_set, settings, computed, accept=accept_quality)
            tell("writing")
            with writing(engine) as connection:
                record_inputs(connection, build_id, plan.facts, settings.features, plan.ingested)
            changes = _write(engine, feature_set, build_id, frames, plan, progress or _no_progress, publish)
    return _report(build_id, frames[FEATURE_STORE], plan, changes, findings, started)


def _remember(engine: sa.Engine, feature_set: FeatureSet, settings: Settings, plan: Plan) -> None:
    """Keep what the raw facts, as they are, make each date's inputs: who asks what is stale need not read them all."""
    if plan.mark is not None:
        with writing(engine) as connection:
            remember(connection, plan.mark, feature_set, settings.features, plan.hashes)


def _write(
    engine: sa.Engine,
    feature_set: FeatureSet,
    build_id: int,
    frames: Frames,
    plan: Plan,
    progress: Callable[[int, int], None],
    publish: bool,
) -> Changes:
    """Write chunk after chunk; the last one closes what vanished and finishes the build."""
    n_dates = len(plan.to_do)
    total = Changes(0, 0, 0)
    frames = {builder: hashed(builder_table(builder, feature_set), frame) for builder, frame in frames.items()}
    progress(0, n_dates)
    for start in range(0, max(n_dates, 1), CHUNK_DATES):
        dates = plan.to_do[start : start + CHUNK_DATES]
        with writing(engine) as connection:
            claim(connection, build_id)
            total += _write_chunk(connection, feature_set, build_id, frames, dates, plan.hashes, publish)
            if start + CHUNK_DATES >= n_dates:
                total += _close_vanished(connection, feature_set, build_id, plan.vanished)
                _finish(connection, feature_set, build_id, n_dates)
        progress(start + len(dates), n_dates)
    return total


def _write_chunk(
    connection: sa.Connection,
    feature_set: FeatureSet,
    build_id: int,
    frames: Frames,
    dates: Sequence[date],
    hashes: Mapping[date, str],
    publish: bool,
) -> Changes:
    """All five builders' rows of `dates`, their units, and what is told of them."""
    total = Changes(0, 0, 0)
    n_rows: dict[Unit, int] = {}
    for builder in BUILDERS:
        table = builder_table(builder, feature_set)
        table.create(connection, checkfirst=True)
        frame = _of_dates(frames[builder], dates)
        total += store(connection, table, frame, key_columns(table), dates, build_id)
        counts = dict(frame.group_by("game_date").len().iter_rows())
        n_rows |= {(builder, day): counts.get(day, 0) for day in dates}
    write_units(connection, feature_set, build_id, hashes, n_rows)
    if publish:
        record_completions(connection, feature_set, build_id, n_rows)
    return total


@contextmanager
def _told_failure(engine: sa.Engine, feature_set: FeatureSet, plan: Plan, publish: bool) -> Iterator[None]:
    """Where `publish` and the build in the block fails, or is interrupted, its dates are told as failed."""
    try:
        yield
    except (Exception, KeyboardInterrupt):
        failed = newest_failed(engine, feature_set) if publish else None
        if failed is not None:
            record_failure(engine, feature_set, failed, plan.to_do)
        raise


def _of_dates(frame: pl.DataFrame, dates: Sequence[date]) -> pl.DataFrame:
    """The rows from the first of `dates` to the last, of a frame in the order of dates and without dates between."""
    if not dates:
        return frame.clear()
    first = frame["game_date"].search_sorted(dates[0], side="left")
    return frame[first : frame["game_date"].search_sorted(dates[-1], side="right")]


def _close_vanished(
    connection: sa.Connection, feature_set: FeatureSet, build_id: int, dates: Sequence[date]
) -> Changes:
    """Rows of dates on which no game is expected any more."""
    closed = 0
    if dates:
        tables = (builder_table(builder, feature_set) for builder in BUILDERS)
        closed = sum(close_dates(connection, table, dates, build_id) for table in tables)
        delete_units(connection, feature_set, dates)
    return Changes(0, closed, 0)


def _finish(connection: sa.Connection, feature_set: FeatureSet, build_id: int, n_dates: int) -> None:
    table = builder_table(FEATURE_STORE, feature_set)
    counting = sa.select(sa.func.count()).select_from(table).where(table.c.to_build.is_(None))
    finish_build(connection, build_id, n_rows=connection.execute(counting).scalar_one(), n_dates=n_dates)


def _nothing_to_do(engine: sa.Engine, feature_set: FeatureSet, plan: Plan, started: float) -> BackfillReport:
    build = current_build(engine, feature_set)
    if build is None:
        raise UnavailableError(
            "No game is expected in this span, and nothing is built yet.",
            remedy="Run `tipoff features backfill` without a span.",
        )
    no_rows = pl.DataFrame(schema={"state": pl.String})
    return _report(build.build_id, no_rows, plan, Changes(0, 0, 0), [], started)


def _report(
    build_id: int, rows: pl.DataFrame, plan: Plan, changes: Changes, findings: list[Finding], started: float
) -> BackfillReport:
    return BackfillReport(
        build_id=build_id,
        rows=rows.height,
        dates=len(plan.to_do),
        skipped=plan.skipped,
        seconds=round(time.monotonic() - started, 3),
        changed=changes.inserted + changes.settled,
        closed=changes.closed,
        player_games=rows.filter(pl.col("state").is_in(["played", "under_30_seconds"])).height,
        expected_absent=rows.filter(pl.col("state") == "absent").height,
        games_without_results=plan.games_without_results,
        findings=findings,
    )


def _no_progress(_done: int, _total: int) -> None:
    """Nobody watches."""


def _tell_nobody(_step: str) -> None:
    """Nobody watches."""
