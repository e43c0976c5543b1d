"""stats.nba.com, asked politely: one request at a time, a pause between, retries with growing waits."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import polars as pl
import requests
from nba_api.stats.endpoints.leaguegamelog import LeagueGameLog
from nba_api.stats.library.http import NBAStatsHTTP

from contracts.clock import season_name
from contracts.errors import UnavailableError, UsageError
from contracts.settings import FeatureSettings
from features.sources.files import Source

SEASON_TYPES = ("Regular Season", "PlayIn", "Playoffs")
"""The parts of a season that are asked for; preseason and all-star games are none of ours."""

FIRST_SEASON = 1946

RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})


def fetch_game_logs(
    seasons: tuple[int, int], settings: FeatureSettings, *, report: Callable[[int, int], None] | None = None
) -> list[Source]:
    """Player game logs of the seasons, a source for each part of a season that has games yet.

    `seasons` are inclusive start years; `report(done, total)` counts the requests.
    Raises UsageError for a season before the first, UnavailableError where stats.nba.com gives no usable answer after
    all attempts.
    """
    first, last = seasons
    if first < FIRST_SEASON:
        raise UsageError(
            f"There is no season {season_name(first)}.", remedy=f"The first is {season_name(FIRST_SEASON)}."
        )
    wanted = [(season_name(year), part) for year in range(first, last + 1) for part in SEASON_TYPES]
    sources = []
    for done, (season, part) in enumerate(wanted, start=1):
        if done > 1:
            time.sleep(settings.nba_stats_pause_seconds)
        frame = _fetch(season, part, settings)
        if not frame.is_empty():
            sources.append(Source(f"stats.nba.com {season} {part}", frame, _sha256(frame)))
        if report is not None:
            report(done, len(wanted))
    return sources


def _fetch(season: str, part: str, settings: FeatureSettings) -> pl.DataFrame:
    """One part of one season, asked again after a growing wait while the answer is a passing fault."""
    fault = ""
    for attempt in range(settings.nba_stats_attempts):
        if attempt:
            time.sleep(settings.nba_stats_pause_seconds * 2**attempt)
        try:
            return _ask(season, part, settings)
        except _PassingFaultError as error:
            fault = str(error)
    raise UnavailableError(
        f"{settings.nba_stats_url} gave no game logs of {season} {part} "
        f"in {settings.nba_stats_attempts} attempts: {fault}.",
        remedy="Try again later; what was ingested before is untouched.",
    )


def _ask(season: str, part: str, settings: FeatureSettings) -> pl.DataFrame:
    query = LeagueGameLog(season=season, season_type_all_star=part, player_or_team_abbreviation="P", get_request=False)
    client = NBAStatsHTTP()
    client.base_url = settings.nba_stats_url.rstrip("/") + "/{endpoint}"
    try:
        query.nba_response = client.send_api_request(
            endpoint=query.endpoint, parameters=query.parameters, timeout=settings.nba_stats_timeout_seconds
        )
    except requests.RequestException as error:
        raise _PassingFaultError(str(error)) from error
    status = query.nba_response._status_code
    if status in RETRIED_STATUSES or not query.nba_response.valid_json():
        raise _PassingFaultError(f"status {status}, {len(query.nba_response.get_response())} bytes")
    if status != requests.codes.ok:
        raise UnavailableError(f"{settings.nba_stats_url} answered {status} for {season} {part}.")
    query.load_response()
    table = query.league_game_log.get_dict()
    return pl.DataFrame(table["data"], schema=table["headers"], orient="row", infer_schema_length=None)


def _sha256(frame: pl.DataFrame) -> str:
    return hashlib.sha256(frame.write_csv().encode()).hexdigest()


class _PassingFaultError(Exception):
    """The request may succeed when asked again."""
