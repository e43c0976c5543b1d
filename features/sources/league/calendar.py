"""The calendar of a regular season: who meets whom, on which day, at which hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from contracts.clock import LEAGUE_ZONE
from features.sources.league.arrays import Ints
from features.sources.league.parameters import LeagueParameters

_TIP_OFFS = (time(19, 0), time(19, 30), time(19, 30), time(20, 0), time(20, 30), time(22, 0))
_SUNDAY_TIP_OFFS = (time(15, 30), time(18, 0), time(19, 30))


@dataclass(frozen=True)
class Calendar:
    """A regular season's games in order of date: `day` (n,) days since `start`; `teams` (n, 2) home and away."""

    start: date
    day: Ints
    teams: Ints

    @property
    def n_days(self) -> int:
        """Days from the first to the last game, both counted."""
        return int(self.day[-1]) + 1


def make_calendar(
    season: int, n_teams: int, n_games: int, parameters: LeagueParameters, rng: np.random.Generator
) -> Calendar:
    """A calendar in which every team plays `n_games` games, at most one a day and never three days in a row."""
    start = opening_night(season)
    order = rng.permutation(n_teams)
    pending = [(int(order[home]), int(order[away])) for home, away in _meetings(n_teams, n_games, rng)]
    planner = _Planner(n_teams, n_games, parameters)
    days: list[int] = []
    teams: list[tuple[int, int]] = []
    day = 0
    while pending:
        share = 0.0 if planner.is_break(day) else parameters.weekday_share[(start + timedelta(day)).weekday()]
        quota = int(share * n_teams / 2 + rng.random()) if share else 0
        for game in planner.choose(pending, day, quota):
            pending.remove(game)
            days.append(day)
            teams.append(game)
        day += 1
    return Calendar(start, np.array(days, dtype=np.int64), np.array(teams, dtype=np.int64))


def opening_night(season: int) -> date:
    """The Tuesday between 18 and 24 October of the season's start year."""
    earliest = date(season, 10, 18)
    return earliest + timedelta((1 - earliest.weekday()) % 7)


def tip_off(game_date: date, rng: np.random.Generator) -> datetime:
    """An evening hour of the league's zone on that date, in UTC."""
    hours = _SUNDAY_TIP_OFFS if game_date.weekday() == 6 else _TIP_OFFS
    hour = hours[int(rng.integers(len(hours)))]
    return datetime.combine(game_date, hour, LEAGUE_ZONE).astimezone(UTC)


def _meetings(n_teams: int, n_games: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Rounds in which every team plays once (circle method), as (home, away); each team hosts half of its games."""
    circle = list(range(n_teams))
    hosted = np.zeros((n_teams, n_teams), dtype=np.int64)
    games = []
    for _ in range(n_games):
        pairs = [(circle[i], circle[-1 - i]) for i in range(n_teams // 2)]
        for index in rng.permutation(len(pairs)):
            one, other = pairs[index]
            home, away = _hosted_less(one, other, hosted)
            hosted[home, away] += 1
            games.append((home, away))
        circle = [circle[0], circle[-1], *circle[1:-1]]
    return games


def _hosted_less(one: int, other: int, hosted: Ints) -> tuple[int, int]:
    """The two teams, first the one that hosted the other less often so far, then the one that hosted less at all."""
    ones = (hosted[one, other], hosted[one].sum(), one)
    others = (hosted[other, one], hosted[other].sum(), other)
    return (one, other) if ones <= others else (other, one)


class _Planner:
    """Knows when each team last played, and so which games a day may have."""

    def __init__(self, n_teams: int, n_games: int, parameters: LeagueParameters) -> None:
        self.last = [-9] * n_teams
        self.before_last = [-9] * n_teams
        self.back_to_backs = [0] * n_teams
        self.most = max(1, round(parameters.max_back_to_backs * n_games / 82))
        self.window = n_teams * 3
        middle = int(n_games / 0.5 * 0.74)
        self.break_from, self.break_to = middle, middle + parameters.break_days

    def is_break(self, day: int) -> bool:
        """Whether no team plays on this day."""
        return self.break_from <= day < self.break_to

    def choose(self, pending: list[tuple[int, int]], day: int, quota: int) -> list[tuple[int, int]]:
        """At most `quota` games of the next ones: first those of rested teams, then back-to-backs."""
        chosen: list[tuple[int, int]] = []
        for allowed in (self._is_rested, self._may_repeat):
            for game in pending[: self.window]:
                if len(chosen) >= quota:
                    return chosen
                if all(allowed(team, day) for team in game):
                    chosen.append(game)
                    for team in game:
                        self._note(team, day)
        return chosen

    def _is_rested(self, team: int, day: int) -> bool:
        return self.last[team] < day - 1

    def _may_repeat(self, team: int, day: int) -> bool:
        if self.last[team] == day - 1:
            return self.before_last[team] < day - 2 and self.back_to_backs[team] < self.most
        return self.last[team] < day

    def _note(self, team: int, day: int) -> None:
        self.back_to_backs[team] += self.last[team] == day - 1
        self.last[team], self.before_last[team] = day, self.last[team]
