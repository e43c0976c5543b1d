"""How the pages write figures: dates, labels, shares, intervals and ages."""

from __future__ import annotations

from datetime import UTC, date, datetime

from monitoring.report.markup import Html, h

LABEL_NAMES = {"live": "live", "backfill": "backfill", "in_sample": "in-sample"}
LABEL_MEANING = (
    "Live: said before tip-off. Backfill: said later, by a model that had not seen the date. In-sample: the model had "
    "seen the date. They are never mixed."
)


def label_name(label: str) -> str:
    """'in_sample' -> 'in-sample'."""
    return LABEL_NAMES[label]


def span(first: date, last: date) -> str:
    """'2024-03-05 to 2024-04-09', or the one date."""
    return first.isoformat() if first == last else f"{first} to {last}"


def dated(day: date | None) -> Html | None:
    """A date in a cell, never broken into two lines."""
    return None if day is None else h("time", day.isoformat())


def percent(share: float) -> str:
    """0.8047 -> '80.5 %'; only all of it is 100 %, only none of it is 0 %."""
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    told = f"{share:.1%}".replace("%", " %")
    return {"100.0 %": "over 99.9 %", "0.0 %": "under 0.1 %"}.get(told, told)


def with_interval(value: float, interval: tuple[float, float] | None, *, is_share: bool = False) -> str:
    """'4.43 (4.36 to 4.50)'; without an interval the value alone."""
    write = percent if is_share else "{:.2f}".format
    return write(value) if interval is None else f"{write(value)} ({write(interval[0])} to {write(interval[1])})"


def minute(moment: datetime | None) -> str | None:
    """'2024-03-01 23:30 UTC'; None stays None."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def age(seconds: float) -> str:
    """'40 s', '12 min', '5 h', '3 days'."""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if abs(seconds) < limit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} days"
