"""Pictures as inline SVG, wide enough to be read on a phone; their colours are the page's, light or dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from monitoring.report.markup import Html, h

WIDTH, HEIGHT = 420, 210
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 8, 24


@dataclass(frozen=True)
class Curve:
    """Values by date, sorted; `colour` 0-5 of the page's; `band` (date, low, high) is drawn behind."""

    name: str
    colour: int
    points: Sequence[tuple[date, float]]
    band: Sequence[tuple[date, float, float]] = ()


@dataclass(frozen=True)
class Axis:
    """What the values from `low` to `high` look like between `start` and `end` of a picture's side."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where `value` stands, in the picture's units."""
        return self.start + (value - self.low) / ((self.high - self.low) or 1.0) * (self.end - self.start)


def timeline(
    curves: Sequence[Curve], about: str, *, is_share: bool = False, goals: Sequence[float] = (), height: int = HEIGHT
) -> Html:
    """Curves over dates; `goals` are levels to be held against; `about` is read out where pictures are not seen.

    Shares (0-1) are written in percent. Raises ValueError where no curve has a point.
    """
    values = [value for curve in curves for _, value in curve.points]
    values += [edge for curve in curves for _, low, high in curve.band for edge in (low, high)]
    dates = [day for curve in curves for day, _ in curve.points]
    if not dates:
        raise ValueError("there is no point to draw")
    marks = ticks(min([*values, *goals]), max([*values, *goals]))
    y = Axis(marks[0], marks[-1], height - BOTTOM, TOP)
    x = Axis(min(dates).toordinal(), max(dates).toordinal(), LEFT + 6, WIDTH - RIGHT - 6)
    drawn = [
        *(_level(y(each), _number(each, marks, is_share)) for each in marks),
        *(h("line", x1=LEFT, x2=WIDTH - RIGHT, y1=_at(y(goal)), y2=_at(y(goal)), class_="goal") for goal in goals),
        *(_band(curve, x, y) for curve in curves if len(curve.band) > 1),
        *(_curve(curve, x, y) for curve in curves),
        *_days(min(dates), max(dates), x, height),
    ]
    return picture(drawn, WIDTH, height, about)


def picture(drawn: Sequence[object], width: int, height: int, about: str) -> Html:
    """Shapes as a picture that scales with its place."""
    return h("svg", list(drawn), viewBox=f"0 0 {width} {height}", role="img", aria_label=about)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers, evenly spaced, at most `most`, the first at or below `low`, the last at or above `high`."""
    spread = max(high - low, 1e-9, abs(high) * 1e-3)
    magnitude = 10.0 ** math.floor(math.log10(spread / (most - 1)))
    for factor in (1, 2, 5, 10, 20, 50):
        step = factor * magnitude
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first < most:
            return [round(place * step, 10) for place in range(first, max(last, first + 1) + 1)]
    raise AssertionError("a step of 50 magnitudes spans everything")


def swatch(colour: int) -> Html:
    """The stroke of a curve, for a legend."""
    return h("span", class_=f"swatch c{colour}")


def _level(y: float, told: str) -> list[Html]:
    return [
        h("line", x1=LEFT, x2=WIDTH - RIGHT, y1=_at(y), y2=_at(y), class_="grid"),
        h("text", told, x=LEFT - 6, y=_at(y + 4), text_anchor="end"),
    ]


def _curve(curve: Curve, x: Axis, y: Axis) -> list[Html]:
    places = [(x(day.toordinal()), y(value)) for day, value in curve.points]
    if len(places) == 1:
        return [h("circle", cx=_at(places[0][0]), cy=_at(places[0][1]), r=3.5, class_=f"spot c{curve.colour}")]
    return [h("polyline", points=_path(places), class_=f"stroke c{curve.colour}")]


def _band(curve: Curve, x: Axis, y: Axis) -> Html:
    upper = [(x(day.toordinal()), y(high)) for day, _, high in curve.band]
    lower = [(x(day.toordinal()), y(low)) for day, low, _ in reversed(curve.band)]
    return h("polygon", points=_path([*upper, *lower]), class_="area")


def _days(first: date, last: date, x: Axis, height: int) -> list[Html]:
    """First, middle and last date; one alone stands in the middle."""
    if first == last:
        return [h("text", day_name(first), x=_at(x(first.toordinal())), y=height - 7, text_anchor="start")]
    middle = date.fromordinal((first.toordinal() + last.toordinal()) // 2)
    shown = {first: "start", last: "end"} | ({middle: "middle"} if (last - first).days > 3 else {})
    return [
        h("text", day_name(day), x=_at(x(day.toordinal())), y=height - 7, text_anchor=anchor)
        for day, anchor in shown.items()
    ]


def day_name(day: date) -> str:
    """'5 Mar'."""
    return f"{day.day} {day:%b}"


def _number(value: float, marks: Sequence[float], is_share: bool) -> str:
    step = (marks[1] - marks[0]) * (100 if is_share else 1)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value * 100:.{decimals}f} %" if is_share else f"{value:.{decimals}f}"


def _path(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_at(x)},{_at(y)}" for x, y in places)


def _at(value: float) -> str:
    return f"{value:.1f}"
