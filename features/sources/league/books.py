"""What the books say: the lines of games, and the points lines of players as they open, move and close."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.sources.league.arrays import Bools, Floats, Ints
from features.sources.league.games import Tally
from features.sources.league.parameters import LeagueParameters
from features.sources.league.projection import expected_points
from features.sources.league.slate import Lineup

# opening, afternoon, closing, inside the last hour, after tip-off: minutes before tip-off, from and to
_MOMENTS = ((540.0, 1560.0), (180.0, 420.0), (62.0, 150.0), (3.0, 50.0), (-90.0, -3.0))
_MOMENT_CHANCE = (1.0, 0.65, 0.85, 0.12, 0.04)
_LIVE = 4
_LINES_A_SIDE = 9
"""Players of a team that books look at."""
_STANDING_OFFER = 0.82
"""Chance that a book has a line for a player whom books line."""


@dataclass(frozen=True)
class GameLines:
    """Per game (n,): closing and morning spreads of the home team (negative: favoured) and totals, points."""

    spread: Floats
    total: Floats
    morning_spread: Floats
    morning_total: Floats


@dataclass(frozen=True)
class PointsLines:
    """Snapshots, one entry a row: game, side and place in the roster; book; seconds before tip-off; line and prices.

    Prices are American, NaN where the book gave none.
    """

    game: Ints
    side: Ints
    place: Ints
    book: Ints
    seconds_before: Ints
    line: Floats
    over_price: Floats
    under_price: Floats


def quote_games(lineup: Lineup, parameters: LeagueParameters, rng: np.random.Generator) -> GameLines:
    """Spreads and totals: in the morning on what the injury lists say, at the close on who will be there."""
    shape = lineup.possessions.shape
    ignorance = rng.normal(0, parameters.market_points_sd, (*shape, 2))
    morning = rng.normal(0, 0.8, (*shape, 2))
    lines = []
    for available, error in ((lineup.available, ignorance), (~lineup.known_out, ignorance + morning)):
        points = expected_points(lineup, available, parameters)
        score = points.sum(axis=-1) + error
        lines.append((_half(score[:, 1] - score[:, 0]), _half(score.sum(axis=-1))))
    (spread, total), (morning_spread, morning_total) = lines
    return GameLines(spread, total, morning_spread, morning_total)


def quote_players(lineup: Lineup, tally: Tally, parameters: LeagueParameters, rng: np.random.Generator) -> PointsLines:
    """Every snapshot of every book's points lines.

    Opening lines know the injury list of the days before; closing lines know who will be there, and so few of the
    absent keep a line; lines after tip-off have seen a part of the game.
    """
    opening = expected_points(lineup, ~lineup.known_out, parameters)
    closing = expected_points(lineup, lineup.available, parameters)
    lined = _is_lined(opening, parameters, rng)
    where = np.nonzero(lined)
    centre = _market(opening[lined], closing[lined], tally.points[lined], parameters, rng)
    offered = _is_offered(lineup.available[lined], len(parameters.books), rng)
    row, book, moment = np.nonzero(offered)
    opinion = rng.normal(0, parameters.book_sd, offered.shape[:2])[row, book]
    # a book that opens on the eve of one game opens on the eve of all its lines of that game
    hours = rng.random((len(lineup.possessions), *offered.shape[1:]))[where[0][row], book, moment]
    low, high = np.array(_MOMENTS).T[:, moment]
    value = centre[row, moment] + opinion
    line = np.maximum(np.floor(value) + 0.5, 0.5)
    over, under = _prices(value - line, rng)
    return PointsLines(
        game=where[0][row],
        side=where[1][row],
        place=where[2][row],
        book=book,
        seconds_before=np.round(60 * (low + (high - low) * hours)).astype(np.int64),
        line=line,
        over_price=over,
        under_price=under,
    )


def _is_lined(projected: Floats, parameters: LeagueParameters, rng: np.random.Generator) -> Bools:
    rank = np.argsort(np.argsort(-projected, axis=-1), axis=-1)
    eager = projected + rng.normal(0, 1.0, projected.shape)
    return np.asarray((rank < _LINES_A_SIDE) & (eager >= parameters.lined_points))


def _market(
    opening: Floats, closing: Floats, points: Ints, parameters: LeagueParameters, rng: np.random.Generator
) -> Floats:
    """Where the market stands at each moment, shape (n, 5): the median it expects."""
    ignorance = np.exp(rng.normal(0, parameters.market_sd, len(opening)))
    early = np.exp(rng.normal(0, parameters.opening_sd, len(opening)))
    # whoever turns out to be absent keeps the opening projection: his line is void, not zero
    known = np.where(closing > 0, 0.5 * (opening + closing), opening)
    last = known * ignorance - parameters.skew
    first = opening * ignorance * early - parameters.skew
    half_way = 0.5 * (first + last)
    live = 0.5 * (last + points)
    return np.stack([first, half_way, last, last, live], axis=-1)


def _is_offered(available: Bools, n_books: int, rng: np.random.Generator) -> Bools:
    """Which snapshots exist, shape (n, books, 5)."""
    offers = rng.random((len(available), n_books, 1)) < _STANDING_OFFER
    taken = rng.random((len(available), n_books, len(_MOMENTS))) < np.array(_MOMENT_CHANCE)
    # the absent lose their line when the news is out
    news = np.array([1.0, 0.6, 0.2, 0.05, 0.0])
    kept = available[:, None, None] | (rng.random(taken.shape) < news)
    return np.asarray(offers & taken & kept)


def _prices(tilt: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """American prices around -112; the side that the line favours pays less. A few are not given."""
    over, under = (_american(-112 - sign * 24 * tilt + rng.normal(0, 3, len(tilt))) for sign in (1, -1))
    return over, np.where(rng.random(len(tilt)) < 0.003, np.nan, under)


def _american(price: Floats) -> Floats:
    """Whole American prices: what would lie between -100 and 100 goes on from +100."""
    rounded = np.round(price)
    return np.asarray(np.where(rounded > -100, rounded + 200, rounded), dtype=np.float64)


def _half(value: Floats) -> Floats:
    return np.asarray(np.round(value * 2) / 2, dtype=np.float64)
