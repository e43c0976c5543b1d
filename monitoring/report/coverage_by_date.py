"""Coverage over time: how many of the expected player-games of each date are predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date

import polars as pl
import sqlalchemy as sa

from contracts.errors import TipoffError
from contracts.settings import Settings
from contracts.tables import games, predictions
from features.feature_sets import load_feature_set
from features.table.rows import read_rows
from monitoring.report.markup import Column, Html, h, join, nothing, section, table
from monitoring.report.plots import Curve, swatch, timeline
from monitoring.report.words import dated, percent, span

KEY = ("game_date", "game_id", "player_id")

PlayerGame = tuple[date, str, int]
"""game_date, game_id, player_id."""


@dataclass(frozen=True)
class Covered:
    """A date's expected player-games (0: nobody is known to be expected), and how many are predicted by whom.

    `by_any` counts those that some version predicted, `by_system` those that any version of one system did.
    """

    game_date: date
    n_games: int
    expected: int
    by_any: int
    by_system: int

    def share(self, predicted: int) -> float:
        """Predicted of expected, 0-1; games with nobody to expect count as 0."""
        return predicted / self.expected if self.expected else 0.0


def read_covered(
    engine: sa.Engine, settings: Settings, date_from: date, date_to: date, system: str | None
) -> list[Covered]:
    """The coverage of every date with games of the inclusive span."""
    said = predictions.c
    query = sa.select(said.game_date, said.game_id, said.player_id, said.system).where(
        said.game_date.between(date_from, date_to), said.target == settings.training.target
    )
    scheduled = sa.select(games.c.game_date, sa.func.count()).where(games.c.game_date.between(date_from, date_to))
    made: dict[PlayerGame, set[str]] = {}
    with engine.connect() as connection:
        n_games: dict[date, int] = dict(connection.execute(scheduled.group_by(games.c.game_date)).all())
        for game_date, game_id, player_id, by in connection.execute(query):
            made.setdefault((game_date, game_id, player_id), set()).add(by)
    return covered(n_games, _expected(engine, settings.training.feature_set, date_from, date_to), made, system)


def covered(
    n_games: Mapping[date, int],
    expected: Set[PlayerGame],
    made: Mapping[PlayerGame, Set[str]],
    system: str | None,
) -> list[Covered]:
    """One row a date with games, in order; `made` names the systems that predicted a player-game. Pure."""
    counts: dict[date, list[int]] = {day: [0, 0, 0] for day in n_games}
    for each in expected:
        if each[0] in counts:
            by = made.get(each, frozenset())
            for place, is_so in enumerate((True, bool(by), system in by)):
                counts[each[0]][place] += is_so
    return [Covered(day, n_games[day], *counts[day]) for day in sorted(counts)]


def coverage_section(found: Sequence[Covered], system: str | None, least: float) -> Html:
    """The section; `least` is `monitors.min_coverage`."""
    if not found:
        return section("Coverage", nothing("Nothing yet: the schedule holds no games in these weeks."))
    about = (
        f"Population expected, {len(found)} dates with games, {span(found[0].game_date, found[-1].game_date)}; "
        f"at least {100 * least:g} % are wanted on each. Any version of a system counts, whenever it spoke."
    )
    curves = [("any system", 0, [(each.game_date, each.share(each.by_any)) for each in found])]
    if system is not None:
        curves.append((system, 2, [(each.game_date, each.share(each.by_system)) for each in found]))
    drawn = timeline(
        [Curve(*curve) for curve in curves], "coverage by date", is_share=True, goals=[0.0, least, 1.0], height=150
    )
    left = h("div", drawn, _totals(found, curves, system), class_="chart")
    return section("Coverage", h("div", left, _short(found, least), class_="charts"), about=about)


def _totals(found: Sequence[Covered], curves: Sequence[tuple[str, int, object]], system: str | None) -> Html:
    n_expected = sum(each.expected for each in found)
    counts = [sum(each.by_any for each in found)] + [sum(each.by_system for each in found)] * (system is not None)
    columns = [Column("predicted by"), *(Column(title, True) for title in ("of expected", "predicted", "coverage"))]
    rows = [
        (
            join(swatch(colour), name),
            f"{n_expected:,}",
            f"{count:,}",
            percent(count / n_expected) if n_expected else "none expected",
        )
        for (name, colour, _), count in zip(curves, counts, strict=True)
    ]
    return table(columns, rows, is_narrow=True)


def _short(found: Sequence[Covered], least: float) -> Html:
    short = [each for each in found if each.share(each.by_any) < least]
    if not short:
        return h("p", "No date falls short.")
    columns = [Column("date"), Column("games", True, is_extra=True)]
    columns += [Column(title, True) for title in ("expected", "predicted", "coverage")]
    rows = [
        (dated(each.game_date), each.n_games, each.expected or "unknown", each.by_any, percent(each.share(each.by_any)))
        for each in reversed(short[-10:])
    ]
    title = f"{len(short)} {'date falls' if len(short) == 1 else 'dates fall'} short, whoever predicted"
    return h(
        "div", h("p", title + (", the last 10:" if len(short) > 10 else ":")), table(columns, rows, is_narrow=True)
    )


def _expected(engine: sa.Engine, feature_set: str, date_from: date, date_to: date) -> set[PlayerGame]:
    """Whom the current build expects on each date; nobody where nothing is built."""
    try:
        rows = read_rows(
            engine,
            load_feature_set(feature_set),
            date_from=date_from,
            date_to=date_to,
            columns=[*KEY, "is_expected"],
        )
    except TipoffError:
        return set()
    return set(rows.filter(pl.col("is_expected")).select(KEY).iter_rows())
