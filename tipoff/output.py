"""What a command says: one JSON object on stdout for programs, tables and progress on stderr for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def json_option(command: Decorated) -> Decorated:
    """Add `--json`: one JSON object as the last line of stdout."""
    decorate = click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line of stdout.")
    return decorate(command)


def console() -> Console:
    """The console people read: stderr, 120 wide where it is no terminal."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 120)


def emit(result: dict[str, Any], *, as_json: bool) -> None:
    """Print `result` as one line of JSON where programs asked for it; NaN is refused, dates become ISO 8601."""
    if as_json:
        click.echo(json.dumps(result, allow_nan=False, default=_plain))


def say(text: str) -> None:
    """One line for people."""
    console().print(text)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table for people: numbers to the right, None as a dash."""
    from rich.table import Table

    rows = [list(row) for row in rows]
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        is_number = any(isinstance(row[place], int | float) for row in rows)
        made.add_column(column, justify="right" if is_number else "left")
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    console().print(made)


@contextmanager
def progress(task: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar with rate and time left; yields `report(done, total)`."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit))
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console()) as bar:
        bar_id = bar.add_task(task, total=None)

        def report(done: int, total: int) -> None:
            bar.update(bar_id, completed=done, total=total)

        yield report


@contextmanager
def working(task: str) -> Iterator[Callable[[str], None]]:
    """A spinner while something without countable steps goes on; yields `now(step)`, which says what it is at."""
    with console().status(task) as status:
        yield lambda step: status.update(f"{task}: {step}")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{value!r} is not plain data")
