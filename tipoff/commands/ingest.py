"""`tipoff ingest`: raw facts through one door."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contracts.errors import TipoffError, UsageError
from tipoff.output import emit, json_option, progress, say, table, working
from tipoff.parameters import SEASONS

if TYPE_CHECKING:
    from features.raw.ingest import IngestReport
    from features.raw.season_fetch import FetchReport
    from features.sources.files import Source

FILE_KINDS = {
    "game-logs": "LeagueGameLog files (player mode): CSV, CSV.gz or parquet.",
    "game-lines": "Closing spreads and totals, which are also the schedule of past dates.",
    "points-lines": "Snapshots of books' points lines with their capture times.",
    "positions": "Players' positions: PLAYER_ID, POSITION.",
    "injuries": "Movements on and off the injury lists.",
    "schedule": "Coming games; one that is postponed or cancelled is expected on no date until it is scheduled anew.",
    "shot-zones": "Attempts and makes by zone, a player and game a row.",
    "players": "Birth dates: PLAYER_ID, PLAYER_NAME, BIRTH_DATE.",
}


@click.group()
def ingest() -> None:
    """Bring raw facts in. Ingesting the same facts twice changes nothing; rows that break a rule are kept in a file."""


def _file_command(kind: str, text: str) -> click.Command:
    @click.command(kind, help=text)
    @click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
    @json_option
    def command(paths: tuple[Path, ...], as_json: bool) -> None:
        from features.sources.files import read_file

        with working(f"Reading {len(paths)} {'file' if len(paths) == 1 else 'files'}"):
            sources = [read_file(path) for path in paths]
        report = _ingest(kind, sources)
        _show([report], as_json)
        emit(_as_json(report), as_json=as_json)

    return command


for _kind, _text in FILE_KINDS.items():
    ingest.add_command(_file_command(_kind, _text))


@ingest.command()
@click.option("--seasons", default=2, show_default=True, type=click.IntRange(1, 50), help="How many seasons.")
@click.option("--seed", default=7, show_default=True, type=click.IntRange(0), help="Same seed, same league.")
@click.option("--teams", default=30, show_default=True, type=click.IntRange(4, 30), help="How many teams.")
@click.option("--games", default=82, show_default=True, type=click.IntRange(6, 82), help="Regular games of a team.")
@json_option
def simulated(seasons: int, seed: int, teams: int, games: int, as_json: bool) -> None:
    """A league made up: teams, players, games, injuries and lines, deterministic by seed."""
    from features.sources.simulated import league_sources

    with working("Playing the seasons"):
        sources = league_sources(seasons, seed, n_teams=teams, regular_games=games)
    reports = {kind: _ingest(kind, [source]) for kind, source in sources.items()}
    _show(reports.values(), as_json)
    logs = reports["game-logs"]
    counts = {"games": logs.games, "player_games": logs.rows, "lines": reports["points-lines"].rows}
    emit(counts | {"rejected": sum(report.rejected for report in reports.values())}, as_json=as_json)


@ingest.command("nba-api")
@click.option("--seasons", required=True, type=SEASONS, help="One season or a span, as 2021-22:2024-25.")
@click.option("--what", default="game-logs,schedule", show_default=True, help="Of game-logs, schedule, shot-zones.")
@click.option("--refresh", is_flag=True, help="Ask again for what was fetched whole and is final.")
@json_option
def nba_api(seasons: tuple[int, int] | None, what: str, refresh: bool, as_json: bool) -> None:
    """Whole seasons from stats.nba.com, one polite request at a time; goes on where an interrupted one stopped."""
    if seasons is None:
        raise UsageError("--seasons names no season.", remedy="Write one season or a span: 2021-22:2024-25.")
    from features.raw.season_fetch import fetch_seasons
    from tipoff.wiring import wire

    kinds = _kinds(what)
    wiring = wire()
    with progress("Asking stats.nba.com", "requests") as report_progress:
        found = fetch_seasons(
            wiring.engine,
            seasons,
            kinds,
            wiring.settings.features,
            wiring.home.rejects,
            refresh=refresh,
            progress=report_progress,
        )
    _show(found.reports, as_json)
    _show_fetch(found, as_json)
    emit(_fetch_as_json(found), as_json=as_json)


def _kinds(what: str) -> list[str]:
    from features.sources.nba_stats.parts import KINDS

    kinds = [kind.strip() for kind in what.split(",") if kind.strip()]
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown or not kinds:
        raise UsageError(
            f"--what {what!r} names {', '.join(unknown) or 'nothing'}.", remedy=f"Choose of {', '.join(KINDS)}."
        )
    return kinds


def _show_fetch(found: FetchReport, as_json: bool) -> None:
    if as_json:
        return
    say(f"{found.fetched} parts asked for ({found.empty} without rows yet), {found.skipped} final ones not again")
    for kind, count in found.ignored.items():
        say(f"Left out of the schedule: {count} {kind}")
    if any(report.rejected for report in found.reports):
        say("Parts with rejected rows are asked for again by the same command")


def _fetch_as_json(found: FetchReport) -> dict[str, Any]:
    counts = ("rows", "changed", "rejected")
    reasons: Counter[str] = Counter()
    for report in found.reports:
        reasons.update(report.reasons)
    return {
        "player_games": found.player_games,
        "games": found.games,
        **{name: sum(getattr(report, name) for report in found.reports) for name in counts},
        "reasons": dict(reasons),
        "fetched": found.fetched,
        "empty": found.empty,
        "skipped": found.skipped,
        "ignored": dict(found.ignored),
        "rejects_paths": sorted({str(report.rejects_path) for report in found.reports if report.rejects_path}),
    }


def _ingest(kind: str, sources: list[Source]) -> IngestReport:
    from features.raw.ingest import ingest as ingest_sources
    from tipoff.wiring import wire

    wiring = wire()
    with working(f"Checking and writing {kind}"):
        report = ingest_sources(wiring.engine, kind, sources, wiring.home.rejects)
    if report.rejected and not report.rows:
        reasons = "; ".join(f"{count} x {reason}" for reason, count in report.reasons.items())
        raise TipoffError(
            f"Every one of the {report.rejected:,} rows of {kind} was rejected: {reasons}.",
            remedy=f"They are kept with their reasons in {report.rejects_path}",
        )
    return report


def _show(reports: Any, as_json: bool) -> None:
    if as_json:
        return
    table(
        "Ingested",
        ("kind", "rows", "changed", "rejected"),
        [(report.kind, report.rows, report.changed, report.rejected) for report in reports],
    )
    for report in reports:
        for reason, count in report.reasons.items():
            say(f"[yellow]rejected[/] {count} of {report.kind}: {reason}")
        if report.rejects_path:
            say(f"The rejected rows are kept in {report.rejects_path}")


def _as_json(report: IngestReport) -> dict[str, Any]:
    counts = {"rows": report.rows, "changed": report.changed, "rejected": report.rejected, "reasons": report.reasons}
    games = {"player_games": report.rows, "games": report.games} if report.kind == "game-logs" else {}
    return games | counts | {"rejects_path": str(report.rejects_path) if report.rejects_path else None}
