"""The answers of stats.nba.com as frames in the layouts of `tipoff ingest`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl

from contracts.errors import UnavailableError
from features.sources.layouts import GAME_LOGS, SCHEDULE, SHOT_ZONES
from features.sources.nba_stats.client import STAYS

ZONES = {
    "Restricted Area": "PAINT",
    "In The Paint (Non-RA)": "PAINT",
    "Mid-Range": "MID_RANGE",
    "Left Corner 3": "THREE",
    "Right Corner 3": "THREE",
    "Above the Break 3": "THREE",
    "Backcourt": "THREE",
}
"""SHOT_ZONE_BASIC -> our zone; a heave from the backcourt is a three."""

POINTS = {"2PT Field Goal": 2, "3PT Field Goal": 3}
"""SHOT_TYPE -> what the shot was worth: zones are drawn by eye, this is what was scored."""

_SHOT_COLUMNS = ("GAME_ID", "PLAYER_ID", "SHOT_TYPE", "SHOT_ZONE_BASIC", "SHOT_MADE_FLAG")

_NOT_OURS = {"1": "preseason games", "3": "all-star games"}
"""Third digit of a game id -> games that are left out."""


def game_logs(answer: Mapping[str, Any], what: str) -> pl.DataFrame:
    """The rows of LeagueGameLog (player mode), in its own columns.

    Raises UnavailableError naming what is missing where the answer has another shape.
    """
    return _table(answer, "LeagueGameLog", GAME_LOGS.required, what)


def shot_zones(answer: Mapping[str, Any], what: str) -> pl.DataFrame:
    """The shots of ShotChartDetail counted by game, player and zone, in the shot-zones layout.

    A shot near the line whose zone and worth disagree is what it was worth: a three, or from mid-range.
    Raises UnavailableError where the answer has another shape or a shot is of an unknown zone or type.
    """
    shots = _table(answer, "Shot_Chart_Detail", list(_SHOT_COLUMNS), what)
    if shots.is_empty():
        return pl.DataFrame(schema=dict.fromkeys(SHOT_ZONES.required, pl.Int64))
    for column, known in (("SHOT_ZONE_BASIC", ZONES), ("SHOT_TYPE", POINTS)):
        strangers = set(shots[column].to_list()) - set(known)
        if strangers:
            raise _changed(what, f"{column} {strangers.pop()!r} is none of {', '.join(known)}")
    drawn = pl.col("SHOT_ZONE_BASIC").replace_strict(ZONES, return_dtype=pl.String)
    is_three = pl.col("SHOT_TYPE").replace_strict(POINTS, return_dtype=pl.Int64) == 3
    zone = pl.when(is_three).then(pl.lit("THREE")).when(drawn == "THREE").then(pl.lit("MID_RANGE")).otherwise(drawn)
    counts = [
        count.alias(f"{name}_{suffix}")
        for name in ("PAINT", "MID_RANGE", "THREE")
        for suffix, count in (
            ("FGA", (zone == name).sum().cast(pl.Int64)),
            ("FGM", pl.col("SHOT_MADE_FLAG").filter(zone == name).sum().cast(pl.Int64)),
        )
    ]
    return shots.group_by("GAME_ID", "PLAYER_ID", maintain_order=True).agg(counts)


def schedule(answer: Mapping[str, Any], what: str) -> tuple[pl.DataFrame, dict[str, int]]:
    """The games of ScheduleLeagueV2 in the schedule layout, and how many were left out, by what they are.

    Left out are preseason and all-star games and those whose teams are not known yet; a tip-off to be announced is
    NULL. Raises UnavailableError naming what is missing where the answer has another shape.
    """
    listed = [
        game
        for day in _field(_field(answer, "leagueSchedule", what), "gameDates", what)
        for game in _field(day, "games", what)
    ]
    named = [(game, _what_it_is(game, what)) for game in listed]
    ignored = Counter(kind for _, kind in named if kind)
    rows = [_scheduled(game, what) for game, kind in named if not kind]
    return pl.DataFrame(rows, schema=dict.fromkeys((c.source for c in SCHEDULE.columns), pl.String)), dict(ignored)


def _what_it_is(game: Mapping[str, Any], what: str) -> str | None:
    """Why a listed game is left out; None: it is not."""
    kind = _NOT_OURS.get(str(_field(game, "gameId", what))[2:3])
    if kind:
        return kind
    teams = [_field(_field(game, side, what), "teamTricode", what) for side in ("homeTeam", "awayTeam")]
    return None if all(teams) else "games without two teams yet"


def _scheduled(game: Mapping[str, Any], what: str) -> dict[str, str | None]:
    at = str(_field(game, "gameDateTimeUTC", what))
    text = str(_field(game, "gameStatusText", what)).strip().upper()
    is_announced = text != "TBD" and not str(_field(game, "gameDateTimeEst", what)).endswith("T00:00:00Z")
    is_postponed = game.get("postponedStatus") == "P" or text in ("PPD", "POSTPONED")
    return {
        "game_id": str(_field(game, "gameId", what)),
        "game_date": str(_field(game, "gameDateEst", what))[:10],
        "home": str(_field(_field(game, "homeTeam", what), "teamTricode", what)),
        "away": str(_field(_field(game, "awayTeam", what), "teamTricode", what)),
        "tip_off_at": at if is_announced and not is_postponed else None,
        "status": "postponed" if is_postponed else "scheduled",
    }


def _table(answer: Mapping[str, Any], name: str, required: list[str], what: str) -> pl.DataFrame:
    """The result set `name` with the columns it came with, `required` among them."""
    tables = {str(_field(table, "name", what)): table for table in _field(answer, "resultSets", what)}
    table = _field(tables, name, what)
    headers, rows = _field(table, "headers", what), _field(table, "rowSet", what)
    missing = [column for column in required if column not in headers]
    if missing:
        raise _changed(what, f"the column{'s' if len(missing) > 1 else ''} {', '.join(missing)} missing")
    uneven = [row for row in rows if len(row) != len(headers)]
    if uneven:
        raise _changed(what, f"{len(uneven)} rows without {len(headers)} values")
    return pl.DataFrame(rows, schema=headers, orient="row", infer_schema_length=None, strict=False)


def _field(mapping: Any, name: str, what: str) -> Any:
    if not isinstance(mapping, Mapping) or (mapping.get(name) is None and name != "teamTricode"):
        raise _changed(what, f"{name!r} missing")
    return mapping.get(name)


def _changed(what: str, fault: str) -> UnavailableError:
    return UnavailableError(
        f"stats.nba.com answered for {what} in another shape than known: {fault}. Nothing of it was ingested.",
        remedy=STAYS,
    )
