"""Option types of the command line; a value that is none is refused with a sentence.

MLflow projects pass every parameter, so `default` (and an empty text) stands for one that nobody gave.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from contracts.clock import parse_date, season_span

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


class SeasonsType(click.ParamType[tuple[int, int] | None]):
    """One season or an inclusive span, as 2021-22:2023-24."""

    name = "seasons"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int] | None:
        """Text -> inclusive start years."""
        if isinstance(value, tuple):
            return value
        return None if value in NOT_GIVEN else season_span(value)


NAME = NameType()
DATE = DateType()
SEASONS = SeasonsType()
