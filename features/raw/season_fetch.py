"""Seasons from stats.nba.com, part by part: each is ingested by itself, and not asked for again once it is final."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import sqlalchemy as sa

from contracts import tables
from contracts.clock import league_date, now, season_name
from contracts.database import writing
from contracts.errors import TipoffError, UnavailableError
from contracts.settings import FeatureSettings
from features.raw.ingest import IngestReport, ingest
from features.sources.nba_stats.client import NbaStats
from features.sources.nba_stats.parts import KINDS, Part, fetch, season_parts, shot_parts

NO_ROWS = "0" * 64
"""Stands for the SHA-256 of a part that had no rows."""


@dataclass
class FetchReport:
    """What became of the parts asked for.

    `fetched` parts were asked for now (`empty` of them had no rows yet), `skipped` are final and were not. The counts
    of rows are those of the fetched parts; `ignored` counts games left out, by what they are; `games` and
    `player_games` are what the database holds of the seasons now.
    """

    fetched: int = 0
    empty: int = 0
    skipped: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    reports: list[IngestReport] = field(default_factory=list)
    games: int = 0
    player_games: int = 0


def fetch_seasons(
    engine: sa.Engine,
    seasons: tuple[int, int],
    kinds: Sequence[str],
    settings: FeatureSettings,
    rejects_folder: Path,
    *,
    refresh: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> FetchReport:
    """Fetch and ingest `kinds` (of nba_stats.parts.KINDS) of `seasons` (inclusive start years), a part a transaction.

    A part that was fetched whole after it became final is skipped, unless `refresh`; so an interrupted fetch goes on
    where it stopped, and the current season is asked for anew. `progress` is called with (parts done, parts known).

    Raises UsageError for a season before the first, UnavailableError where the source gives no usable answer or has
    no games of the seasons, TipoffError where every row was rejected; the parts before stay.
    """
    client, report, done = NbaStats(settings), FetchReport(), 0
    steps = _steps(engine, seasons, kinds)
    for parts, n_known in steps:
        standing = frozenset() if refresh else _final(engine, parts)
        for part in parts:
            if part.name in standing:
                report.skipped += 1
            else:
                _take(engine, client, part, rejects_folder, report)
            done += 1
            if progress is not None:
                progress(done, max(n_known, done))
    report.games, report.player_games = _count(engine, seasons)
    if not report.games:
        raise _nothing_usable(report, seasons, settings)
    return report


def _steps(engine: sa.Engine, seasons: tuple[int, int], kinds: Sequence[str]) -> Iterator[tuple[list[Part], int]]:
    """Each kind's parts with how many parts are known by then; those of shots are known once box scores are in."""
    listed = {kind: season_parts(kind, seasons) for kind in KINDS if kind in kinds and kind != "shot-zones"}
    known = sum(map(len, listed.values()))
    for parts in listed.values():
        yield parts, known
    if "shot-zones" in kinds:
        shots = shot_parts(_played(engine, seasons))
        yield shots, known + len(shots)


def _take(engine: sa.Engine, client: NbaStats, part: Part, rejects_folder: Path, report: FetchReport) -> None:
    fetched = fetch(client, part)
    report.fetched += 1
    report.ignored.update(fetched.ignored)
    if fetched.source is None:
        report.empty += 1
        _note_empty(engine, part)
    else:
        report.reports.append(ingest(engine, part.kind, [fetched.source], rejects_folder))


def _final(engine: sa.Engine, parts: Sequence[Part]) -> frozenset[str]:
    """The names of the parts whose latest fetch rejected nothing and was made when they were final."""
    book = tables.ingests
    with engine.connect() as connection:
        latest = sa.select(sa.func.max(book.c.ingest_id)).where(book.c.source.in_([part.name for part in parts]))
        lines = connection.execute(
            sa.select(book.c.source, book.c.n_rejected, book.c.ingested_at).where(
                book.c.ingest_id.in_(latest.group_by(book.c.source))
            )
        ).all()
    whole_at = {name: league_date(at) for name, n_rejected, at in lines if not n_rejected}
    return frozenset(part.name for part in parts if part.name in whole_at and whole_at[part.name] >= part.final_from)


def _note_empty(engine: sa.Engine, part: Part) -> None:
    """A part without rows in the book of ingests: it, too, was asked for."""
    line = {"kind": part.kind, "source": part.name, "sha256": NO_ROWS, "ingested_at": now()}
    with writing(engine) as connection:
        connection.execute(sa.insert(tables.ingests).values(**line, n_rows=0, n_changed=0, n_rejected=0))


def _nothing_usable(report: FetchReport, seasons: tuple[int, int], settings: FeatureSettings) -> TipoffError:
    names = "..".join(season_name(year) for year in sorted(set(seasons)))
    rejected = [found for found in report.reports if found.rejected]
    if not rejected:
        return UnavailableError(f"{settings.nba_stats_url} has no games of {names} yet.")
    reasons = "; ".join(f"{count} x {reason}" for found in rejected for reason, count in found.reasons.items())
    return TipoffError(
        f"Every row that {settings.nba_stats_url} gave of {names} was rejected: {reasons}.",
        remedy=f"They are kept with their reasons in {', '.join(str(found.rejects_path) for found in rejected)}",
    )


def _played(engine: sa.Engine, seasons: tuple[int, int]) -> list[tuple[int, str, date]]:
    """Season, season type and date of everything that has box scores."""
    logs = tables.player_games.c
    query = sa.select(logs.season, logs.season_type, logs.game_date).where(logs.season.between(*seasons)).distinct()
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(query)]
    if not found:
        raise UnavailableError(
            "Shot zones belong to box scores, and there are none of these seasons.",
            remedy="Fetch them first, or with them: --what game-logs,shot-zones.",
        )
    return found


def _count(engine: sa.Engine, seasons: tuple[int, int]) -> tuple[int, int]:
    """How many games are known of the seasons, played or to come, and how many player-games."""
    with engine.connect() as connection:
        n_games, n_player_games = (
            connection.scalar(sa.select(sa.func.count()).select_from(table).where(table.c.season.between(*seasons)))
            for table in (tables.games, tables.player_games)
        )
    return int(n_games or 0), int(n_player_games or 0)
