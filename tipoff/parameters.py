"""Option types of the command line; a value that is none is refused with a sentence.

MLflow projects pass every parameter, so `default` (and an empty text) stands for one that nobody gave.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from contracts.clock import parse_date, season_span, season_start_year
from contracts.errors import UsageError

NOT_GIVEN = ("", "default")


class NameType(click.ParamType[str | None]):
    """The name of something that the settings choose where it is not given."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | None:
        """Text -> the name, or None where none was given."""
        return None if value is None or value in NOT_GIVEN else str(value)


class DateType(click.ParamType[date | None]):
    """A date in ISO 8601."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date | None:
        """Text -> date."""
        if isinstance(value, date):
            return value
        return None if value in NOT_GIVEN else parse_date(value)


class SeasonType(click.ParamType[int]):
    """One season, as 2023-24."""

    name = "season"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Text -> start year."""
        return value if isinstance(value, int) else season_start_year(value)


class SeasonsType(click.ParamType[tuple[int, int] | None]):
    """One season or an inclusive span, as 2021-22:2023-24."""

    name = "seasons"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int] | None:
        """Text -> inclusive start years."""
        if isinstance(value, tuple):
            return value
        return None if value in NOT_GIVEN else season_span(value)


class CountType(click.ParamType[int | None]):
    """A whole number of at least 1."""

    name = "number"

    def __init__(self, most: int) -> None:
        self.most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Text -> number, or None where none was given."""
        text = NAME.convert(value, param, ctx)
        if text is None:
            return None
        if not text.isdecimal() or not 1 <= int(text) <= self.most:
            self.fail(f"{text!r} is not a whole number from 1 to {self.most:,}.", param, ctx)
        return int(text)


class YesNoType(click.ParamType[bool]):
    """Yes or no: the option alone says yes, and MLflow projects give a word."""

    name = "yes|no"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """Text -> bool; one that nobody gave is no."""
        words = {"yes": True, "true": True, "no": False, "false": False, **dict.fromkeys(NOT_GIVEN, False)}
        if isinstance(value, bool):
            return value
        if str(value).lower() not in words:
            self.fail(f"{value!r} is neither yes nor no.", param, ctx)
        return words[str(value).lower()]


NAME = NameType()


class MomentType(click.ParamType[datetime]):
    """A time in ISO 8601, in UTC unless it says otherwise."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Text -> aware time in UTC."""
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise UsageError(f"{value!r} is not a time.", remedy="Write it as 2024-03-01T18:00:00Z.") from None


class NewFileType(click.ParamType[Path]):
    """The path of a file to write."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Text -> path with a name."""
        if not Path(value).name:
            raise UsageError(f"{str(value)!r} is not a file.", remedy="Name a file to write.")
        return Path(value)


DATE = DateType()
SEASON = SeasonType()
SEASONS = SeasonsType()
MOMENT = MomentType()
NEW_FILE = NewFileType()
COUNT = CountType(1_000_000)
YES_NO = YesNoType()
NUMBER = click.IntRange(1, 2**31 - 1)
"""The number of a version or a build; what no database column holds is none."""
VERSION = CountType(2**31 - 1)
"""The same, where it need not be given."""
