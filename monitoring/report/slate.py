"""The slate of a date: every expected player's prediction with its interval and line, game by game."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from monitoring.report.markup import Html, h, nothing, section
from monitoring.report.words import label_name, minute, percent


@dataclass(frozen=True)
class Play:
    """One player's prediction; `actual` once it is graded."""

    player_id: int
    name: str
    team: str
    label: str
    predicted: float
    low: float
    high: float
    line: float | None
    over_probability: float | None
    actual: float | None


@dataclass(frozen=True)
class Game:
    """A game with its plays, and the names of those expected without a prediction."""

    game_id: str
    title: str
    tip_off_at: datetime | None
    plays: tuple[Play, ...]
    unpredicted: tuple[str, ...]


@dataclass(frozen=True)
class Slate:
    """What `version` said of a date (None: nobody said anything). `who` names it; `builds` are those it said it from.

    `n_expected` is None where no feature rows say whom to expect.
    """

    game_date: date
    target: str
    version: int | None
    who: str | None
    builds: tuple[int, ...]
    said_at: tuple[datetime, datetime] | None
    n_expected: int | None
    games: tuple[Game, ...]

    @property
    def plays(self) -> list[Play]:
        """Every prediction of the date."""
        return [play for game in self.games for play in game.plays]


def slate(shown: Slate) -> Html:
    """The section."""
    title = f"The slate of {shown.game_date}"
    if not shown.games:
        return section(title, nothing("No games on this date."))
    top = scale_of(shown.plays)
    parts = [_game(game, shown.target, top) for game in shown.games]
    key = _key(shown.target, any(play.actual is not None for play in shown.plays)) if shown.plays else None
    return section(title, h("p", _about(shown), class_="muted"), key, *parts)


def scale_of(plays: Iterable[Play]) -> float:
    """The top of the scale that all strips of a page share: a multiple of 10, at least 10."""
    highest = max((max(play.high, play.line or 0, play.actual or 0) for play in plays), default=0.0)
    return max(10.0, math.ceil(highest / 10) * 10.0)


def _about(shown: Slate) -> str:
    if shown.who is None:
        return "Nothing yet: no prediction of this date is stored."
    plays = shown.plays
    labels = Counter(play.label for play in plays)
    expected = f" of {shown.n_expected:,} expected" if shown.n_expected is not None else ""
    told = ", ".join(f"{count:,} {label_name(label)}" for label, count in labels.most_common())
    times = dict.fromkeys(minute(moment) for moment in shown.said_at or ())
    said = f" Said {' to '.join(map(str, times))}." if times else ""
    return (
        f"{shown.who}; population expected: {len(plays):,}{expected} player-games are predicted ({told}), from "
        f"build {', '.join(map(str, shown.builds))}.{said}"
    )


def _key(target: str, has_results: bool) -> Html:
    happened = [h("i", class_="actual"), "result"] if has_results else None
    parts = (h("i", class_="said"), f"predicted {target}", h("i", class_="span"), "80 % interval")
    return h("p", parts, h("i", class_="of-book"), "line", happened, class_="key")


def _game(game: Game, target: str, top: float) -> Html:
    tip_off = f" · {minute(game.tip_off_at)}" if game.tip_off_at else ""
    left = (
        h("p", f"Expected without a prediction: {', '.join(game.unpredicted)}.", class_="muted")
        if game.unpredicted
        else None
    )
    if not game.plays:
        return h("div", h("h3", game.title, tip_off), nothing("No prediction."), left)
    head = h(
        "div",
        h("span", "player", class_="who"),
        h("span", class_="no-strip"),
        h("span", "pred."),
        h("span", "80 %", class_="ends"),
        h("span", "line"),
        h("span", "over"),
        h("span", "result" if any(play.actual is not None for play in game.plays) else "", class_="then"),
        class_="play head",
    )
    rows = [_play(play, target, top) for play in sorted(game.plays, key=lambda play: -play.predicted)]
    return h("div", h("h3", game.title, h("span", tip_off, class_="muted")), head, rows, left, class_="slate")


def _play(play: Play, target: str, top: float) -> Html:
    return h(
        "div",
        h("span", play.name, " ", h("small", play.team), class_="who"),
        _strip(play, target, top),
        h("span", h("b", f"{play.predicted:.1f}")),
        h("span", f"{play.low:.1f}–{play.high:.1f}", class_="ends"),
        h("span", "-" if play.line is None else f"{play.line:g}"),
        h("span", "-" if play.over_probability is None else f"{play.over_probability:.0%}"),
        h("span", "" if play.actual is None else f"{play.actual:g}", class_="then"),
        class_="play",
    )


def _strip(play: Play, target: str, top: float) -> Html:
    def at(value: float) -> str:
        return f"{min(max(value / top, 0.0), 1.0):.2%}"

    low, high = max(play.low, 0.0), max(play.high, 0.0)
    marks: list[Html] = [h("i", class_="span", style=f"left:{at(low)};width:{at(high - low)}")]
    marks.append(h("i", class_="said", style=f"left:{at(play.predicted)}"))
    if play.line is not None:
        marks.append(h("i", class_="of-book", style=f"left:{at(play.line)}"))
    if play.actual is not None:
        marks.append(h("i", class_="actual", style=f"left:{at(play.actual)}"))
    line = "no line" if play.line is None else f"line {play.line:g}"
    told = f"{play.predicted:.1f} {target}, 80 % interval {play.low:.1f} to {play.high:.1f}, {line}"
    return h("span", marks, class_="strip", style=f"--step:{1000 / top:.3f}%", role="img", aria_label=told)


def coverage_of(plays: Sequence[Play], n_expected: int | None) -> str:
    """'278 of 280 (99.3 %)'; without anybody to expect the count alone."""
    if not n_expected:
        return f"{len(plays):,}"
    return f"{len(plays):,} of {n_expected:,} ({percent(len(plays) / n_expected)})"
