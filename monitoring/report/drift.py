"""What the monitors measured: the newest reading of each, those that are bad over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from contracts.tables import monitor_readings
from monitoring.readings import Reading
from monitoring.report.markup import Column, Html, details, h, mark, nothing, section, table
from monitoring.report.plots import Curve, timeline
from monitoring.report.states import monitor_name
from monitoring.report.words import dated, span

MOST_CARDS = 12


@dataclass(frozen=True)
class Track:
    """The readings of one monitor about one subject, oldest first, each with the date as of which it was made."""

    monitor: str
    subject: str
    readings: tuple[tuple[date, Reading], ...]

    @property
    def newest(self) -> Reading:
        """The last one."""
        return self.readings[-1][1]

    @property
    def as_of(self) -> date:
        """The date of the last one."""
        return self.readings[-1][0]

    @property
    def title(self) -> str:
        """'drift: pace_score'."""
        return monitor_name(self.monitor, self.subject)


def read_tracks(engine: sa.Engine, date_from: date, date_to: date) -> list[Track]:
    """The readings as of the inclusive span, by monitor and subject: those whose newest is bad first."""
    made = monitor_readings.c
    query = sa.select(monitor_readings).where(made.game_date.between(date_from, date_to))
    tracks: dict[tuple[str, str], list[tuple[date, Reading]]] = {}
    with engine.connect() as connection:
        for row in connection.execute(query.order_by(made.monitor, made.subject, made.game_date)):
            tracks.setdefault((row.monitor, row.subject), []).append((row.game_date, _reading(row)))
    found = [Track(*key, tuple(readings)) for key, readings in tracks.items()]
    return sorted(found, key=lambda each: (not each.newest.is_bad, each.monitor, each.subject))


def _reading(row: Any) -> Reading:
    value = None if row.value is None else float(row.value)
    return Reading(row.monitor, row.subject, value, row.limit_value, row.n or 0, row.is_bad, row.detail)


def drift(found: Sequence[Track]) -> Html:
    """The section."""
    title = "Drift and the other monitors' readings"
    if not found:
        return section(
            title, nothing("Nothing yet: no monitor has measured anything in these weeks (`tipoff monitor`).")
        )
    bad = [each for each in found if each.newest.is_bad]
    first, last = min(each.readings[0][0] for each in found), max(each.as_of for each in found)
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
    points = [(day, each.value) for day, each in track.readings if each.value is not None]
    goals = [] if newest.limit is None else [newest.limit]
    drawn = timeline([Curve(track.title, 5, points)], track.title, goals=goals, height=150) if len(points) > 1 else None
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
            dated(each.as_of),
            _short(each.newest.value),
            _short(each.newest.limit),
            f"{each.newest.n:,}",
            each.newest.detail,
        )
        for each in found
    ]
    return table(columns, rows)


def _mark(reading: Reading) -> Html:
    if not reading.is_measured:
        return mark("not measured", "quiet")
    return mark("bad", "bad") if reading.is_bad else mark("good", "good")


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"
