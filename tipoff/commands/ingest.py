"""`tipoff ingest`: raw facts through one door."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contracts.errors import TipoffError, UnavailableError, UsageError
from tipoff.output import emit, json_option, progress, say, table, working
from tipoff.parameters import SEASONS

if TYPE_CHECKING:
    from features.raw.ingest import IngestReport
    from features.sources.files import Source

FILE_KINDS = {
    "game-logs": "LeagueGameLog files (player mode): CSV, CSV.gz or parquet.",
    "game-lines": "Closing spreads and totals, which are also the schedule of past dates.",
    "points-lines": "Snapshots of books' points lines with their capture times.",
    "positions": "Players' positions: PLAYER_ID, POSITION.",
    "injuries": "Movements on and off the injury lists.",
    "schedule": "Coming games: game_id, game_date, home, away, tip_off_at.",
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
@json_option
def nba_api(seasons: tuple[int, int] | None, as_json: bool) -> None:
    """Player game logs of whole seasons from stats.nba.com, one polite request at a time."""
    if seasons is None:
        raise UsageError("--seasons names no season.", remedy="Write one season or a span: 2021-22:2024-25.")
    from contracts.settings import load_settings
    from features.sources.nba_api import fetch_game_logs

    with progress("Asking stats.nba.com", "requests") as report_progress:
        sources = fetch_game_logs(seasons, load_settings().features, report=report_progress)
    if not sources:
        raise UnavailableError(f"stats.nba.com has no games of {seasons[0]}..{seasons[1]} yet.")
    report = _ingest("game-logs", sources)
    _show([report], as_json)
    emit(_as_json(report), as_json=as_json)


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
