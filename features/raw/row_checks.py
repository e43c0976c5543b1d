"""What a single row of each kind must be."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from contracts.clock import LEAGUE_ZONE, SEASON_TYPES
from features.raw.checks import Check
from features.raw.injury_entries import PUBLISHED_STATUSES
from features.sources.layouts import Column, Layout

FIRST_SEASON, LAST_SEASON = 1946, 2099
POSITIONS = ("G", "F", "C")
GAME_STATUSES = ("scheduled", "postponed", "cancelled")
"""A postponed game has no date until it is scheduled anew; no status means scheduled."""


def row_checks(layout: Layout) -> list[Check]:
    """Every check of a single row: the ranges of its columns, then the rules of its kind."""
    ranges = [check for column in layout.columns for check in _range_checks(column)]
    return ranges + KIND_CHECKS[layout.kind]()


def _range_checks(column: Column) -> list[Check]:
    value, name = pl.col(column.name), column.source
    checks = []
    if column.low == 0:
        checks.append(Check(f"{name} is negative", value < 0, pl.format(f"{name} {{}} is negative", value)))
    elif column.low is not None and column.high is not None:
        span = f"{column.low:,.0f} to {column.high:,.0f}"
        outside = ~value.is_between(column.low, column.high)
        return [Check(f"{name} is out of range", outside, pl.format(f"{name} {{}} is not within {span}", value))]
    if column.above is not None and column.below is not None:
        outside = (value <= column.above) | (value >= column.below)
        sentence = pl.format(f"{name} {{}} is not between {column.above:g} and {column.below:g}", value)
        return [Check(f"{name} is out of range", outside, sentence)]
    if column.high is not None:
        sentence = pl.format(f"{name} {{}} is more than {column.high:g}", value)
        checks.append(Check(f"{name} is out of range", value > column.high, sentence))
    return checks


def _game_log_checks() -> list[Check]:
    points = 2 * pl.col("fgm") + pl.col("fg3m") + pl.col("ftm")
    rebounds = pl.col("oreb") + pl.col("dreb")
    season_id = pl.col("season_id")
    return [
        *_season_type_checks(season_id // 10_000, pl.format("SEASON_ID {}", season_id)),
        *_season_checks(season_id % 10_000, pl.format("SEASON_ID {}", season_id), "GAME_DATE"),
        Check(
            "points do not add up",
            points != pl.col("points"),
            _format("2 x {fgm} FGM + {fg3m} FG3M + {ftm} FTM is not {points} PTS"),
        ),
        Check(
            "rebounds do not add up",
            rebounds != pl.col("rebounds"),
            _format("{oreb} OREB + {dreb} DREB is not {rebounds} REB"),
        ),
        _at_most("fgm", "fga", "FGM made of {} FGA"),
        _at_most("fg3m", "fg3a", "FG3M made of {} FG3A"),
        _at_most("ftm", "fta", "FTM made of {} FTA"),
        _at_most("fg3m", "fgm", "FG3M of {} FGM"),
        _at_most("fg3a", "fga", "FG3A of {} FGA"),
        Check(
            "MATCHUP is not a matchup",
            ~pl.col("matchup").str.contains(r"^[A-Z]{3} (vs\.|@) [A-Z]{3}$"),
            _format("MATCHUP '{matchup}' is neither 'AAA vs. BBB' nor 'AAA @ BBB'"),
        ),
        Check("WL is not W or L", ~pl.col("result").is_in(["W", "L"]), _format("WL '{result}' is neither W nor L")),
    ]


def _game_line_checks() -> list[Check]:
    name = pl.col("season_name")
    start = name.str.extract(r"^(\d{4})-\d{2}$").cast(pl.Int64)
    ending = name.str.extract(r"^\d{4}-(\d{2})$").cast(pl.Int64)
    is_season = ending.is_not_null() & ((start + 1) % 100 == ending)
    return [
        Check("season is not a season", ~is_season, _format("season '{season_name}' is not written as 2023-24")),
        *_season_checks(pl.when(is_season).then(start), pl.format("season {}", name), "game_date"),
        *_listed_game_checks(),
    ]


def _schedule_checks() -> list[Check]:
    return [
        *_season_checks(season_of_game_id(), _format("game_id {game_id}"), "game_date"),
        *_listed_game_checks(),
        Check(
            "status is unknown",
            ~pl.col("status").is_in(GAME_STATUSES),
            _format(f"status '{{status}}' is none of {', '.join(GAME_STATUSES)}"),
        ),
    ]


def _listed_game_checks() -> list[Check]:
    type_digit = pl.col("game_id").str.slice(2, 1).cast(pl.Int64)
    tip_off_date = pl.col("tip_off_at").dt.convert_time_zone(LEAGUE_ZONE.key).dt.date()
    return [
        *_season_type_checks(type_digit, _format("game_id {game_id}")),
        Check("home and away are one team", pl.col("home") == pl.col("away"), _format("home and away are both {home}")),
        Check(
            "tip_off_at is on another day",
            tip_off_date != pl.col("game_date"),
            pl.format("tip_off_at {} is {} in New York, not game_date {}", "tip_off_at", tip_off_date, "game_date"),
        ),
    ]


def _points_line_checks() -> list[Check]:
    return [
        Check(
            f"{name} is not an American price",
            pl.col(name).abs() < 100,
            pl.format(f"{name} {{}} is not an American price (-110, 120)", pl.col(name)),
        )
        for name in ("over_price", "under_price")
    ]


def _position_checks() -> list[Check]:
    unknown = ~pl.col("position").is_in(POSITIONS)
    return [Check("POSITION is not G, F or C", unknown, _format("POSITION '{position}' is none of G, F, C"))]


def _player_checks() -> list[Check]:
    outside = ~pl.col("birth_date").dt.year().is_between(1900, LAST_SEASON)
    return [Check("BIRTH_DATE is out of range", outside, _format("BIRTH_DATE {birth_date} is nobody's"))]


def _injury_checks() -> list[Check]:
    known = ", ".join(PUBLISHED_STATUSES)
    unknown = ~pl.col("status").is_in(list(PUBLISHED_STATUSES))
    outside = ~pl.col("reported_on").dt.year().is_between(FIRST_SEASON, LAST_SEASON)
    return [
        Check("status is unknown", unknown, _format(f"status '{{status}}' is none of {known}")),
        Check("date is out of range", outside, _format("date {reported_on} is in no season")),
    ]


def _shot_zone_checks() -> list[Check]:
    return [
        _at_most(f"{zone}_made", f"{zone}_attempts", f"made of {{}} attempted, {zone}")
        for zone in ("paint", "mid_range", "three")
    ]


KIND_CHECKS: dict[str, Callable[[], list[Check]]] = {
    "game-logs": _game_log_checks,
    "game-lines": _game_line_checks,
    "points-lines": _points_line_checks,
    "positions": _position_checks,
    "injuries": _injury_checks,
    "schedule": _schedule_checks,
    "shot-zones": _shot_zone_checks,
    "players": _player_checks,
}


def season_of_game_id() -> pl.Expr:
    """The season's start year by the 4th and 5th digit of a game id: 0022300001 -> 2023, 0029600001 -> 1996."""
    year = pl.col("game_id").str.slice(3, 2).cast(pl.Int64)
    return pl.when(year >= FIRST_SEASON % 100).then(1900 + year).otherwise(2000 + year)


def _season_type_checks(digit: pl.Expr, what: pl.Expr) -> list[Check]:
    known = ", ".join(f"{key} {name}" for key, name in SEASON_TYPES.items())
    return [
        Check("preseason game", digit == 1, pl.format("{} is of a preseason game", what)),
        Check("all-star game", digit == 3, pl.format("{} is of an all-star game", what)),
        Check(
            "unknown type of season",
            ~digit.is_in([1, 3, *SEASON_TYPES]),
            pl.format(f"{{}} has type of season {{}}, which is none of {known}", what, digit),
        ),
    ]


def _season_checks(season: pl.Expr, what: pl.Expr, date_column: str) -> list[Check]:
    """A season runs from September of its start year to October of the next (as in 2020)."""
    month = pl.col("game_date").dt.year().cast(pl.Int64) * 100 + pl.col("game_date").dt.month()
    is_season = season.is_between(FIRST_SEASON, LAST_SEASON)
    return [
        Check("unknown season", ~is_season, pl.format("{} names no season", what)),
        Check(
            "date outside its season",
            is_season & ~month.is_between(season * 100 + 9, (season + 1) * 100 + 10),
            pl.format(f"{date_column} {{}} is outside the season of {{}}", "game_date", what),
        ),
    ]


def _at_most(part: str, whole: str, words: str) -> Check:
    reason = f"more {part} than {whole}"
    return Check(reason, pl.col(part) > pl.col(whole), pl.format(f"{{}} {words}", part, whole))


def _format(text: str) -> pl.Expr:
    """'{fgm} FGM' -> the sentence with the row's own values."""
    names = [part.split("}")[0] for part in text.split("{")[1:]]
    template = text
    for name in names:
        template = template.replace(f"{{{name}}}", "{}", 1)
    return pl.format(template, *(pl.col(name) for name in names))
