"""The column layout of each kind of source, and what its values must be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from contracts.errors import UsageError

MAX_ID = 2**31 - 1
MAX_COUNT = 200
"""No box score of a player has counted more of anything (the record is 100 points)."""


class Holds(StrEnum):
    """What the values of a column are, as a sentence says it."""

    WHOLE = "a whole number"
    NUMBER = "a number"
    TEXT = "text"
    DATE = "a date (2024-03-01)"
    TIME = "a time with its zone (2024-03-02T00:30:00Z)"
    GAME_ID = "a 10-digit game id"


@dataclass(frozen=True)
class Column:
    """A column of a source: its name there, ours, and what it holds.

    `may_be_empty`: a row without a value is fine, and known as NULL. `may_be_absent`: so is a source without the
    column. `low` and `high` bound the values, both included; `above` and `below` bound them, themselves excluded.
    """

    source: str
    name: str
    holds: Holds
    may_be_empty: bool = False
    may_be_absent: bool = False
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None


@dataclass(frozen=True)
class Layout:
    """The columns of a kind that are used (others are left alone), and the key that no two rows share."""

    kind: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def required(self) -> list[str]:
        """The columns that a source of this kind must have."""
        return [column.source for column in self.columns if not column.may_be_absent]

    def missing(self, names: Iterable[str]) -> list[str]:
        """The required columns that `names` lacks, in the layout's order."""
        there = set(names)
        return [name for name in self.required if name not in there]


def layout_of(kind: str) -> Layout:
    """The layout of `kind`.

    Raises UsageError for an unknown kind.
    """
    if kind not in LAYOUTS:
        raise UsageError(f"{kind!r} is not a kind of source.", remedy=f"Choose one of {', '.join(LAYOUTS)}.")
    return LAYOUTS[kind]


def require_columns(layout: Layout, named_frames: Iterable[tuple[str, pl.DataFrame]]) -> None:
    """Raises UsageError naming every missing column of every source, what the layout wants, and what would fit."""
    faults, guesses = [], set()
    for name, frame in named_frames:
        missing = layout.missing(frame.columns)
        if missing:
            faults.append(f"{name} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}")
            guesses |= {other.kind for other in LAYOUTS.values() if not other.missing(frame.columns)}
    if faults:
        hint = f" It has the columns of {' or '.join(sorted(guesses))}." if guesses else ""
        raise UsageError(
            f"{'; '.join(faults)}.", remedy=f"A {layout.kind} source has {', '.join(layout.required)}.{hint}"
        )


def _id(source: str, name: str) -> Column:
    return Column(source, name, Holds.WHOLE, low=1, high=MAX_ID)


def _count(source: str, name: str) -> Column:
    return Column(source, name, Holds.WHOLE, low=0, high=MAX_COUNT)


def _text(source: str, name: str) -> Column:
    return Column(source, name, Holds.TEXT)


def _maybe_number(name: str, low: float, high: float) -> Column:
    return Column(name, name, Holds.NUMBER, may_be_empty=True, low=low, high=high)


GAME_LOGS = Layout(
    "game-logs",
    (
        Column("SEASON_ID", "season_id", Holds.WHOLE),
        _id("PLAYER_ID", "player_id"),
        _text("PLAYER_NAME", "player_name"),
        _id("TEAM_ID", "team_id"),
        _text("TEAM_ABBREVIATION", "team_abbreviation"),
        _text("TEAM_NAME", "team_name"),
        Column("GAME_ID", "game_id", Holds.GAME_ID),
        Column("GAME_DATE", "game_date", Holds.DATE),
        _text("MATCHUP", "matchup"),
        Column("WL", "result", Holds.TEXT, may_be_empty=True),
        _count("MIN", "minutes"),
        _count("PTS", "points"),
        _count("FGM", "fgm"),
        _count("FGA", "fga"),
        _count("FG3M", "fg3m"),
        _count("FG3A", "fg3a"),
        _count("FTM", "ftm"),
        _count("FTA", "fta"),
        _count("OREB", "oreb"),
        _count("DREB", "dreb"),
        _count("REB", "rebounds"),
        _count("AST", "assists"),
        _count("STL", "steals"),
        _count("BLK", "blocks"),
        _count("TOV", "turnovers"),
        _count("PF", "fouls"),
        Column("PLUS_MINUS", "plus_minus", Holds.WHOLE, may_be_empty=True, low=-MAX_COUNT, high=MAX_COUNT),
    ),
    key=("game_id", "player_id"),
)

_GAME = (
    Column("game_id", "game_id", Holds.GAME_ID),
    Column("game_date", "game_date", Holds.DATE),
    _text("home", "home"),
    _text("away", "away"),
    Column("tip_off_at", "tip_off_at", Holds.TIME, may_be_empty=True),
)

GAME_LINES = Layout(
    "game-lines",
    (
        *_GAME,
        _text("season", "season_name"),
        _maybe_number("spread_home", -60, 60),
        _maybe_number("total", 100, 400),
        _maybe_number("spread_home_morning", -60, 60),
        _maybe_number("total_morning", 100, 400),
    ),
    key=("game_id",),
)

SCHEDULE = Layout(
    "schedule",
    (*_GAME, Column("status", "status", Holds.TEXT, may_be_empty=True, may_be_absent=True)),
    key=("game_id",),
)

POINTS_LINES = Layout(
    "points-lines",
    (
        Column("game_id", "game_id", Holds.GAME_ID),
        _id("player_id", "player_id"),
        _text("book", "book"),
        Column("captured_at", "captured_at", Holds.TIME),
        Column("line", "line", Holds.NUMBER, above=0, below=100),
        Column("tip_off_at", "tip_off_at", Holds.TIME, may_be_empty=True),
        _maybe_number("over_price", -1_000_000, 1_000_000),
        _maybe_number("under_price", -1_000_000, 1_000_000),
    ),
    key=("game_id", "player_id", "book", "captured_at", "line"),
)

POSITIONS = Layout("positions", (_id("PLAYER_ID", "player_id"), _text("POSITION", "position")), key=("player_id",))

PLAYERS = Layout(
    "players",
    (
        _id("PLAYER_ID", "player_id"),
        Column("PLAYER_NAME", "name", Holds.TEXT, may_be_empty=True),
        Column("BIRTH_DATE", "birth_date", Holds.DATE, may_be_empty=True),
    ),
    key=("player_id",),
)

INJURIES = Layout(
    "injuries",
    (
        Column("date", "reported_on", Holds.DATE),
        _id("player_id", "player_id"),
        _text("status", "status"),
        Column("note", "note", Holds.TEXT, may_be_empty=True),
        Column("captured_at", "captured_at", Holds.TIME, may_be_empty=True, may_be_absent=True),
    ),
    key=("player_id", "reported_on", "status", "note", "captured_at"),
)

SHOT_ZONES = Layout(
    "shot-zones",
    (
        Column("GAME_ID", "game_id", Holds.GAME_ID),
        _id("PLAYER_ID", "player_id"),
        _count("PAINT_FGA", "paint_attempts"),
        _count("PAINT_FGM", "paint_made"),
        _count("MID_RANGE_FGA", "mid_range_attempts"),
        _count("MID_RANGE_FGM", "mid_range_made"),
        _count("THREE_FGA", "three_attempts"),
        _count("THREE_FGM", "three_made"),
    ),
    key=("game_id", "player_id"),
)

LAYOUTS = {
    layout.kind: layout
    for layout in (GAME_LOGS, GAME_LINES, POINTS_LINES, POSITIONS, INJURIES, SCHEDULE, SHOT_ZONES, PLAYERS)
}
