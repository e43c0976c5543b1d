"""What nobody can beat: the error of whoever knows each game's true distribution before it begins.

Each game is played again many times from its lineup, which holds everything that is settled before tip-off: form,
skill, who is there. Not everybody knows who is there: Knowledge says by what it is known, and what is not known of it
is drawn again for every replay. The median of a player's points in the games in which he gets a minute is the best
prediction for mean absolute error that anybody could make; how far his points fall from it on average is the least
error. Nothing here is written into any frame: whoever wants it plays the league again from its seed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import polars as pl

from features.sources.league.arrays import Floats, Ints
from features.sources.league.games import play
from features.sources.league.names import FIRST_PLAYER_ID
from features.sources.league.parameters import LeagueParameters
from features.sources.league.populations import POPULATIONS, tell_populations
from features.sources.league.season import Played
from features.sources.league.slate import Lineup, another_evening

_ABSENT = 10_000
"""Points that nobody scores: sorts after all that somebody may."""


class Knowledge(StrEnum):
    """What is known of tonight's lineup, beside everybody's true form and skill and every injury.

    LINEUP: who will be there. LINES: whether everybody whom a book prices will be, which is more than his lines tell;
    of the others only how likely. LISTS: how likely everybody is to stay away unannounced.
    Nobody can do better than LINEUP, nobody who reads no lines better than LISTS. The least error of those who read
    lines lies between LINEUP and LINES: the values of the lines say a little of who else is there.
    """

    LINEUP = "lineup"
    LINES = "lines"
    LISTS = "lists"


@dataclass(frozen=True)
class OracleError:
    """Mean absolute errors of the true medians, points, over `n` player-games.

    `mae` is expected before the games; `realized` is what it came to, the chance of the replays taken out (`realized`).
    """

    mae: float
    realized: float
    n: int


def oracle_errors(
    played: Iterable[Played],
    logs: pl.DataFrame,
    lines: pl.DataFrame,
    parameters: LeagueParameters,
    *,
    replays: int,
    seed: int,
    knowledge: Knowledge,
) -> dict[str, OracleError]:
    """Population -> its least error, where it has rows; `logs` and `lines` are the league's frames up to these games.

    The arguments are those of `true_medians`.
    """
    truths = true_medians(played, parameters, replays=replays, seed=seed, knowledge=knowledge)
    rows = tell_populations(logs, lines).join(truths, on=["GAME_ID", "PLAYER_ID"])
    found = {}
    for name in POPULATIONS:
        members = rows.filter(name)
        if members.height:
            mae, came_to = members.select(pl.mean("expected"), realized(pl.col("PTS")).mean()).row(0)
            found[name] = OracleError(mae, came_to, members.height)
    return found


def true_medians(
    played: Iterable[Played], parameters: LeagueParameters, *, replays: int, seed: int, knowledge: Knowledge
) -> pl.DataFrame:
    """GAME_ID, PLAYER_ID, and of the points of everybody who got a minute in some replay `median`, `first_half` and
    `second_half`, the medians of either half of the replays, and `expected`, their distance from the median.

    Every game of `played` is played again `replays` (20 or more) times, from `seed`.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, replays]))
    return pl.concat([_truths(games, parameters, replays, knowledge, rng) for games in played])


def realized(points: pl.Expr) -> pl.Expr:
    """How far `points` fell from the true median, in a frame with the columns of `true_medians`.

    A median of so many replays is off by chance, which adds to its error in proportion to 1 / replays: one of half as
    many adds twice as much. Twice the error of the whole less that of the halves is free of it (the jackknife,
    M. Quenouille 1956); so it means something on average only, and may be below 0 in a row.
    """
    whole, first, second = ((points - pl.col(name)).abs() for name in ("median", "first_half", "second_half"))
    return 2 * whole - (first + second) / 2


def _truths(
    games: Played, parameters: LeagueParameters, replays: int, knowledge: Knowledge, rng: np.random.Generator
) -> pl.DataFrame:
    points = _play_again(games, parameters, replays, knowledge, rng)
    median, expected = centres(points)
    first, second = (_median(half) for half in _halves(points))
    game, side, place = at = np.nonzero(np.isfinite(expected))
    return pl.DataFrame(
        {
            "GAME_ID": pl.Series(np.array(games.game_ids, dtype=object)[game], dtype=pl.String),
            "PLAYER_ID": FIRST_PLAYER_ID + games.lineup.player[game, side, place],
            "median": median[at],
            "first_half": first[at],
            "second_half": second[at],
            "expected": expected[at],
        }
    )


def _play_again(
    games: Played, parameters: LeagueParameters, replays: int, knowledge: Knowledge, rng: np.random.Generator
) -> Ints:
    """Points (replays, n, 2, 15); _ABSENT in replays in which somebody gets no whole minute."""
    points = np.empty((replays, *games.lineup.standing.shape), dtype=np.int64)
    for replay in range(replays):
        tally = play(_possible_lineup(games, parameters, knowledge, rng), parameters, rng)
        points[replay] = np.where(np.round(tally.minutes) > 0, tally.points, _ABSENT)
    return points


def _possible_lineup(
    games: Played, parameters: LeagueParameters, knowledge: Knowledge, rng: np.random.Generator
) -> Lineup:
    """One of the lineups that are possible for whoever has this knowledge, as likely as it is."""
    if knowledge is Knowledge.LINEUP:
        return games.lineup
    drawn = another_evening(games.lineup, parameters, rng)
    if knowledge is Knowledge.LISTS:
        return drawn
    lines = games.points_lines
    is_priced = np.zeros(drawn.available.shape, dtype=bool)
    is_priced[lines.game, lines.side, lines.place] = True
    return replace(drawn, available=np.where(is_priced, games.lineup.available, drawn.available))


def centres(points: Ints) -> tuple[Floats, Floats]:
    """The median over all replays, and the expected distance from it; NaN where half the replays say nothing.

    A median lies too close to the replays that it is taken from, and one taken from half of them too far from the
    other half by about as much: the mean of both distances is nearly free of either error.
    """
    halves = _halves(points)
    medians = [_median(half) for half in halves]
    distances = [_distance(half, median) for half in halves for median in medians]
    return _median(points), np.asarray(np.mean(distances, axis=0))


def _halves(points: Ints) -> tuple[Ints, Ints]:
    """Every other replay."""
    return points[0::2], points[1::2]


def _median(points: Ints) -> Floats:
    ordered = np.sort(points, axis=0)
    n = (ordered < _ABSENT).sum(axis=0)
    low, high = (
        np.take_along_axis(ordered, np.clip(place, 0, len(points) - 1)[None], axis=0)[0]
        for place in ((n - 1) // 2, n // 2)
    )
    return np.where(n > 0, (low + high) / 2, np.nan)


def _distance(points: Ints, median: Floats) -> Floats:
    there = points < _ABSENT
    total = np.where(there, np.abs(points - median), 0.0).sum(axis=0)
    n = there.sum(axis=0)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)
