"""What a command says: one JSON object on stdout for programs, tables and progress on stderr for people."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

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


@dataclass(frozen=True)
class Bar:
    """A progress bar: `bar(done, total)` moves it, `bar.now(step)` says what it is at."""

    move: Callable[[int, int], None]
    now: Callable[[str], None]

    def __call__(self, done: int, total: int) -> None:
        """So many of so many are done."""
        self.move(done, total)


@contextmanager
def progress(task: str, unit: str) -> Iterator[Bar]:
    """A progress bar with rate (`unit` a second) and time left; its steps can be named before anything is counted."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    counted = (MofNCompleteColumn(), TextColumn(unit), TextColumn("{task.fields[rate]}"))
    times = (TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("left"))
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), *counted, *times)
    with Progress(*columns, console=console()) as bar:
        bar_id = bar.add_task(task, total=None, rate="")
        watch = _Watch()

        def move(done: int, total: int) -> None:
            bar.update(bar_id, completed=done, total=total, rate=tell_rate(watch.rate(done)))

        yield Bar(move, now=lambda step: bar.update(bar_id, description=f"{task}: {step}"))


def tell_rate(per_second: float) -> str:
    """'120/s', '3.4/s', or for what takes longer than a second each, '2.5 s each'; '' at 0."""
    if per_second <= 0:
        return ""
    if per_second < 1:
        return f"{1 / per_second:,.1f} s each"
    return f"{per_second:,.1f}/s" if per_second < 9.95 else f"{per_second:,.0f}/s"


class _Watch:
    """Counts from its first look on: what was done before that, reading and computing, is no rate."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None

    def rate(self, done: int) -> float:
        """How many a second since the first look; 0 at it."""
        moment = time.monotonic()
        self._first = self._first or (moment, done)
        started, first = self._first
        return (done - first) / (moment - started) if moment > started else 0.0


def watch(draw: Callable[[], RenderableType], seconds: float) -> None:
    """`draw()` on the screen, anew every so many seconds, until Ctrl-C."""
    from rich.live import Live

    with suppress(KeyboardInterrupt), Live(console=console(), auto_refresh=False) as live:
        while True:
            live.update(draw(), refresh=True)
            time.sleep(seconds)


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
