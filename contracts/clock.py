"""Dates and seasons: the league's calendar, and the moment it is now.

Times are UTC; a game date is the league's date (America/New_York); a season is its start year, written `2023-24`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from contracts.errors import UsageError

LEAGUE_ZONE = ZoneInfo("America/New_York")

SEASON_TYPES = {2: "regular", 4: "playoffs", 5: "play_in", 6: "cup_final"}
"""First digit of a SEASON_ID, third of a game id -> season type; 1 (preseason) and 3 (all-star) are none of ours."""

EARLIEST_TIP_OFF = time(12, 0)
"""No game of the league tips off before noon, New York time."""

_ahead = timedelta(0)
"""How far `now` is ahead of `wall`: nothing, except in a replay."""


def now() -> datetime:
    """The present moment in UTC, which a replay moves: what is known, due and fresh is told by it."""
    return wall() + _ahead


def wall() -> datetime:
    """The present moment in UTC, whatever is replayed: when a prediction was said is told by nothing else."""
    return datetime.now(UTC)


@contextmanager
def moved_to(moment: datetime) -> Iterator[None]:
    """In the block `now` begins at `moment` (aware) and goes on from there, for every thread of this process."""
    global _ahead
    before = _ahead
    _ahead = moment - wall()
    try:
        yield
    finally:
        _ahead = before


def league_date(moment: datetime) -> date:
    """The league's date at `moment` (an aware time)."""
    return moment.astimezone(LEAGUE_ZONE).date()


def earliest_tip_off(game_date: date) -> datetime:
    """The earliest moment at which a game of that date may begin (aware): what counts where a tip-off is not known."""
    return datetime.combine(game_date, EARLIEST_TIP_OFF, LEAGUE_ZONE)


def season_name(start_year: int) -> str:
    """2023 -> '2023-24'."""
    return f"{start_year}-{(start_year + 1) % 100:02d}"


def season_start_year(name: str) -> int:
    """'2023-24' -> 2023.

    Raises UsageError where `name` is not a season.
    """
    match = re.fullmatch(r"(\d{4})-(\d{2})", name.strip())
    if match is None or (int(match[1]) + 1) % 100 != int(match[2]):
        raise UsageError(f"{name!r} is not a season.", remedy="Write it as 2023-24: the start year, then the next.")
    return int(match[1])


def season_span(text: str) -> tuple[int, int]:
    """'2021-22:2023-24' or '2021-22' -> inclusive start years (2021, 2023).

    Raises UsageError where a part is not a season or the span runs backwards.
    """
    first, _, last = text.partition(":")
    span = season_start_year(first), season_start_year(last or first)
    if span[0] > span[1]:
        raise UsageError(f"The span of seasons {text!r} runs backwards.", remedy="Write the earlier season first.")
    return span


def parse_date(text: str) -> date:
    """'2024-03-01' -> date.

    Raises UsageError where `text` is not a date in ISO 8601.
    """
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{text!r} is not a date.", remedy="Write it as 2024-03-01.") from None
