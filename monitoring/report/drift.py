"""What the monitors measured: the newest reading of each, those that are bad over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from contracts.tables import monitor_readings
from monitoring.report.markup import Column, Html, details, h, mark, nothing, section, table
from monitoring.report.plots import Curve, timeline
from monitoring.report.states import monitor_name
from monitoring.report.words import dated, span

MOST_CARDS = 12


@dataclass(frozen=True)
class Reading:
    """What a monitor measured of one subject as of a date; `detail` names the value's population in a sentence."""

    monitor: str
    subject: str
    game_date: date
    value: float | None
    limit: float | None
    n: int | None
    is_bad: bool
    detail: str


@dataclass(frozen=True)
class Track:
    """The readings of one monitor about one subject, oldest first."""

    monitor: str
    subject: str
    readings: tuple[Reading, ...]

    @property
    def newest(self) -> Reading:
        """The last one."""
        return self.readings[-1]

    @property
    def title(self) -> str:
        """'drift: pace_score'."""
        return monitor_name(self.monitor, self.subject)


def read_tracks(engine: sa.Engine, date_from: date, date_to: date) -> list[Track]:
    """The readings as of the inclusive span, by monitor and subject: those whose newest is bad first."""
    made = monitor_readings.c
    query = sa.select(
        made.monitor, made.subject, made.game_date, made.value, made.limit_value, made.n, made.is_bad, made.detail
    ).where(made.game_date.between(date_from, date_to))
    tracks: dict[tuple[str, str], list[Reading]] = {}
    with engine.connect() as connection:
        for row in connection.execute(query.order_by(made.monitor, made.subject, made.game_date)):
            tracks.setdefault((row.monitor, row.subject), []).append(Reading(*row))
    found = [Track(*key, tuple(readings)) for key, readings in tracks.items()]
    return sorted(found, key=lambda each: (not each.newest.is_bad, each.monitor, each.subject))


def drift(found: Sequence[Track]) -> Html:
    """The section."""
    title = "Drift and the other monitors' readings"
    if not found:
        return section(
            title, nothing("Nothing yet: no monitor has measured anything in these weeks (`tipoff monitor`).")
        )
    bad = [each for each in found if each.newest.is_bad]
    first = min(each.readings[0].game_date for each in found)
    last = max(each.newest.game_date for each in found)
    about = f"{len(found)} subjects measured, {span(first, last)}; the newest reading of {len(bad)} is bad."
    cards = h("div", [_card(each) for each in bad[:MOST_CARDS]], class_="cards")
    more = f" {len(bad) - MOST_CARDS} more are in the table." if len(bad) > MOST_CARDS else ""
    shown = cards if bad else h("p", "No reading is bad.")
    return section(
        title,
        shown,
        h("p", more, class_="muted") if more else None,
        details("Every newest reading", _all(found)),
        about=about,
    )


def _card(track: Track) -> Html:
    newest = track.newest
    points = [(each.game_date, each.value) for each in track.readings if each.value is not None]
    goals = [] if newest.limit is None else [newest.limit]
    drawn = timeline([Curve(track.title, 5, points)], track.title, goals=goals, height=150) if points else None
    return h("div", h("h3", track.title), drawn, h("p", newest.detail, class_="muted"), class_="card is-bad")


def _all(found: Sequence[Track]) -> Html:
    columns = [
        *(Column(title) for title in ("monitor", "of", "", "as of")),
        *(Column(title, True) for title in ("value", "limit", "n")),
        Column("in words"),
    ]
    rows = [
        (
            each.monitor,
            each.subject,
            _mark(each.newest),
            dated(each.newest.game_date),
            _short(each.newest.value),
            _short(each.newest.limit),
            None if each.newest.n is None else f"{each.newest.n:,}",
            each.newest.detail,
        )
        for each in found
    ]
    return table(columns, rows)


def _mark(reading: Reading) -> Html:
    if reading.value is None:
        return mark("not measured", "quiet")
    return mark("bad", "bad") if reading.is_bad else mark("good", "good")


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"
