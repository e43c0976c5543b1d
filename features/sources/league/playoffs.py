"""The playoffs: two conferences, best of seven, until one team is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.sources.league.arrays import Bools, Ints

_HOME_PATTERN = (0, 0, 1, 1, 0, 1, 0)
"""Who hosts game 1 ... 7: 0 the team with the better record."""
_WINS_NEEDED = 4


def n_playoff_teams(n_teams: int) -> int:
    """How many teams qualify: the largest power of two up to seven tenths of the league (16 of 30, 4 of 6)."""
    return 1 << int(np.log2(max(0.7 * n_teams, 2)))


@dataclass
class _Series:
    """Two teams, the better record first, their wins, and the day of the first game."""

    teams: tuple[int, int]
    first_day: int
    wins: list[int]

    @property
    def n_played(self) -> int:
        return sum(self.wins)

    @property
    def winner(self) -> int | None:
        return next((team for team, won in zip(self.teams, self.wins, strict=True) if won == _WINS_NEEDED), None)


@dataclass(frozen=True)
class Evening:
    """The next game of every open series: series' places in the bracket, days, teams (home, away), codes (RSG: round,
    series, game; the last five digits of a game id).
    """

    series: list[int]
    day: Ints
    teams: Ints
    codes: list[int]


class Bracket:
    """The state of the playoffs; each series plays every other day, half of them a day later than the others."""

    def __init__(self, wins: Ints, n_qualified: int, first_day: int) -> None:
        """`wins` (n_teams,) of the regular season; the first half of the teams is one conference."""
        self.wins = wins
        self.round = 1
        self.series = self._pair(self._seeds(n_qualified), first_day)

    def next_games(self) -> Evening | None:
        """The next game of each open series, in order of day; None once the last series is won."""
        if all(series.winner is not None for series in self.series) and not self._advance():
            return None
        open_places = [place for place, series in enumerate(self.series) if series.winner is None]
        open_places.sort(key=lambda place: self._day(self.series[place]))
        rows = [self.series[place] for place in open_places]
        hosts = [_HOME_PATTERN[series.n_played] for series in rows]
        return Evening(
            series=open_places,
            day=np.array([self._day(series) for series in rows], dtype=np.int64),
            teams=np.array(
                [(series.teams[host], series.teams[1 - host]) for series, host in zip(rows, hosts, strict=True)],
                dtype=np.int64,
            ),
            codes=[
                self.round * 100 + place * 10 + series.n_played + 1
                for place, series in zip(open_places, rows, strict=True)
            ],
        )

    def note(self, evening: Evening, home_won: Bools) -> None:
        """Enter the results of an evening."""
        for place, won in zip(evening.series, home_won, strict=True):
            series = self.series[place]
            host = _HOME_PATTERN[series.n_played]
            series.wins[host if won else 1 - host] += 1

    @staticmethod
    def _day(series: _Series) -> int:
        return series.first_day + 2 * series.n_played

    def _seeds(self, n_qualified: int) -> list[int]:
        """The qualified teams so that neighbours meet: 1 and 8, 4 and 5, 3 and 6, 2 and 7 of each conference."""
        half = len(self.wins) // 2
        conferences = [list(range(half)), list(range(half, len(self.wins)))]
        best = [sorted(teams, key=lambda team: (-self.wins[team], team))[: n_qualified // 2] for teams in conferences]
        return [teams[seed] for teams in best for seed in _bracket_order(n_qualified // 2)]

    def _pair(self, teams: list[int], first_day: int) -> list[_Series]:
        pairs = zip(teams[::2], teams[1::2], strict=True)
        ordered = [sorted(pair, key=lambda team: (-self.wins[team], team)) for pair in pairs]
        return [
            _Series((better, other), first_day + place % 2, [0, 0]) for place, (better, other) in enumerate(ordered)
        ]

    def _advance(self) -> bool:
        """Open the next round; False where the last series was the final."""
        if len(self.series) == 1:
            return False
        last_day = max(self._day(series) - 2 for series in self.series)
        winners = [series.winner for series in self.series if series.winner is not None]
        self.series = self._pair(winners, last_day + 2)
        self.round += 1
        return True


def _bracket_order(n: int) -> list[int]:
    """Seeds 0 ... n - 1 in the order in which neighbours meet, so that the best two meet last."""
    order = [0]
    while len(order) < n:
        size = 2 * len(order)
        order = [seed for better in order for seed in (better, size - 1 - better)]
    return order
