"""Option types of the command line: dates and spans of seasons, refused with a sentence where they are none."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from contracts.clock import parse_date, season_span


class DateType(click.ParamType[date | None]):
    """A date in ISO 8601; an empty text is none given (MLflow projects pass every parameter)."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date | None:
        """Text -> date."""
        if isinstance(value, date):
            return value
        return parse_date(value) if value else None


class SeasonsType(click.ParamType[tuple[int, int] | None]):
    """One season or an inclusive span, as 2021-22:2023-24."""

    name = "seasons"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int] | None:
        """Text -> inclusive start years."""
        if isinstance(value, tuple):
            return value
        return season_span(value) if value else None


DATE = DateType()
SEASONS = SeasonsType()
