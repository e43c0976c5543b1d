"""Ingest: what sources give becomes raw facts, all of it or nothing, and the rows refused are kept with reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from contracts import tables
from contracts.clock import now
from contracts.database import writing
from contracts.errors import TipoffError, UnavailableError, UsageError
from features.raw.checks import drop_duplicates, rejects_of, without
from features.raw.one_league import refuse_other_league
from features.raw.rejects import reasons_of, write_rejects
from features.raw.row_checks import row_checks
from features.raw.upsert import Written
from features.raw.values import typed_values
from features.raw.whole_games import SUMMED_KINDS, rest_of_games
from features.raw.writes import write
from features.sources.files import Source
from features.sources.layouts import Layout, layout_of, require_columns

INGEST_LOCK = 7206
"""PostgreSQL's advisory lock of ingests: one at a time; SQLite has one writer anyway."""


@dataclass(frozen=True)
class IngestReport:
    """What became of the sources' rows.

    Every row given is accepted (`rows`), a repetition of an accepted one (`repeated`) or `rejected`. `changed` of
    the accepted were new or different; `reasons` counts the rejected by reason (a row with two counts twice), and
    `rejects_path` is the file that keeps them. `games` and `player_games` count what the accepted rows are of.
    """

    kind: str
    rows: int
    changed: int
    rejected: int
    reasons: dict[str, int]
    rejects_path: Path | None
    games: int
    player_games: int
    repeated: int


def ingest(engine: sa.Engine, kind: str, sources: Sequence[Source], rejects_folder: Path) -> IngestReport:
    """Reads, checks and writes `sources` of one kind in one transaction; the same sources again change nothing.

    Raises UsageError for an unknown kind, missing columns and a source without rows, UnavailableError where the
    database cannot be written, TipoffError where it refuses a row, RefusedError for box scores of another league than
    the one that is known; then nothing was ingested.
    """
    layout = layout_of(kind)
    _require_rows(sources)
    require_columns(layout, [(source.name, source.frame) for source in sources])
    rows, rejects = _read_and_check(layout, sources)
    with ExitStack() as undo:
        with _all_or_nothing(engine, kind) as connection:
            if kind == "game-logs":
                refuse_other_league(connection, sources, rows)
            written = write(connection, kind, rows)
            rejects = pl.concat([rejects, written.rejects])
            rejects_path = write_rejects(rejects_folder, kind, sources, rejects, undo)
            _record(connection, kind, sources, written, rejects, rejects_path)
        undo.pop_all()
    return _report(kind, sources, written, rejects, rejects_path)


def _require_rows(sources: Sequence[Source]) -> None:
    if not sources:
        raise UsageError("There is nothing to ingest.", remedy="Name one file or more.")
    empty = [source.name for source in sources if source.frame.is_empty()]
    if empty:
        raise UsageError(f"{', '.join(empty)}: a header but no rows.", remedy="Leave such files out.")


def _read_and_check(layout: Layout, sources: Sequence[Source]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The sources' good rows, each once, and the rejects."""
    read = [typed_values(index, source, layout) for index, source in enumerate(sources)]
    rows = pl.concat([values for values, _ in read])
    faults = pl.concat([*(unreadable for _, unreadable in read), rejects_of(rows, row_checks(layout))])
    distinct, conflicts = drop_duplicates(without(rows, faults), layout)
    faults = pl.concat([faults, conflicts])
    if layout.kind in SUMMED_KINDS:
        faults = pl.concat([faults, rest_of_games(rows, faults)])
    return without(distinct, faults), faults


@contextmanager
def _all_or_nothing(engine: sa.Engine, kind: str) -> Iterator[sa.Connection]:
    """A transaction that no other ingest shares; the database's refusals as errors of ours."""
    driver = engine.dialect.loaded_dbapi
    try:
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(INGEST_LOCK)))
            yield connection
    except (sa.exc.OperationalError, driver.OperationalError) as error:
        raise UnavailableError(
            f"The database could not be written: {_cause(error)}; nothing of the {kind} was ingested.",
            remedy="Check that it is up, has room and is not held by another process, and ingest again.",
        ) from error
    except (sa.exc.DBAPIError, driver.Error) as error:
        raise TipoffError(
            f"The database refused a row: {_cause(error)}; nothing of the {kind} was ingested.",
            remedy="Correct the row in the source and ingest again.",
        ) from error


def _cause(error: Exception) -> str:
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return str(cause).split("\n", 1)[0].rstrip(".")


def _record(
    connection: sa.Connection,
    kind: str,
    sources: Sequence[Source],
    written: Written,
    rejects: pl.DataFrame,
    rejects_path: Path | None,
) -> None:
    """One line a source in the book of ingests, also where nothing changed."""
    moment = now()
    rejected = rejects.select("source", "row").unique()
    lines = [
        {
            "kind": kind,
            "source": source.name,
            "sha256": source.sha256,
            "n_rows": _count_of(written.rows, index),
            "n_changed": _count_of(written.changed, index),
            "n_rejected": _count_of(rejected, index),
            "rejects_path": str(rejects_path) if _count_of(rejected, index) else None,
            "ingested_at": moment,
        }
        for index, source in enumerate(sources)
    ]
    connection.execute(sa.insert(tables.ingests), lines)


def _count_of(rows: pl.DataFrame, index: int) -> int:
    return int((rows["source"] == index).sum())


def _report(
    kind: str, sources: Sequence[Source], written: Written, rejects: pl.DataFrame, rejects_path: Path | None
) -> IngestReport:
    rows, n_rejected = written.rows, rejects.select("source", "row").n_unique()
    is_of_games = "game_id" in rows.columns
    player_games = rows.select(name for name in ("game_id", "player_id") if name in rows.columns)
    return IngestReport(
        kind=kind,
        rows=rows.height,
        changed=written.changed.height,
        rejected=n_rejected,
        reasons=reasons_of(rejects),
        rejects_path=rejects_path,
        games=rows["game_id"].n_unique() if is_of_games else 0,
        player_games=player_games.n_unique() if player_games.width == len(("game_id", "player_id")) else 0,
        repeated=sum(source.frame.height for source in sources) - rows.height - n_rejected,
    )
