"""The page's first lines: the date, what answers, how much of it is predicted, and whether anything is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from monitoring.report.markup import Html, h, join, mark
from monitoring.report.slate import Slate
from monitoring.report.states import state_mark, worst_state
from monitoring.report.words import minute, percent
from registry.versions import ModelVersion


def headline(
    slate: Slate,
    production: ModelVersion | None,
    states: Sequence[Mapping[str, Any]],
    standing: Sequence[Mapping[str, Any]],
    least: float,
    now: datetime,
) -> Html:
    """Title and tiles; `least` is `monitors.min_coverage`."""
    n_games = len(slate.games)
    tiles = [
        tile(n_games, "game" if n_games == 1 else "games"),
        tile(f"{len(slate.plays):,}", f"of {_expected(slate)} predicted"),
        tile(coverage_mark(slate, least), "coverage"),
        tile(production.title if production else "none", "in Production"),
        tile(state_mark(worst_state(states)), "worst monitor"),
        tile(mark(len(standing), "bad" if standing else "good"), "alarms standing"),
    ]
    return join(
        h("h1", f"{slate.game_date:%A} {slate.game_date}"),
        h(
            "p",
            f"tipoff's report, made {minute(now)}: alarms, monitors, lineage and runs are as they stood then.",
            class_="muted",
        ),
        h("div", tiles, class_="tiles"),
    )


def tile(figure: object, about: str) -> Html:
    """A figure and, below it, what it is."""
    shown = figure if isinstance(figure, Html) else h("b", figure)
    return h("div", shown, h("span", about), class_="tile")


def coverage_mark(slate: Slate, least: float) -> Html:
    """Predicted of expected in a colour; a date with games and nobody to expect has none of it."""
    if not slate.games:
        return mark("no games", "quiet")
    share = len(slate.plays) / slate.n_expected if slate.n_expected else 0.0
    return mark(percent(min(share, 1.0)), "good" if share >= least else "bad")


def _expected(slate: Slate) -> str:
    if not slate.games:
        return "0 expected"
    return "an unknown number" if slate.n_expected is None else f"{slate.n_expected:,} expected"
