"""Who is under contract with whom on each day of a season: trades and signings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.sources.league.arrays import Floats, Ints
from features.sources.league.parameters import ROSTER_SIZE, LeagueParameters
from features.sources.league.people import World

_MOMENTS = (0.33, 0.50, 0.68)
"""When trades and signings happen, as shares of the regular season; the last is the deadline."""


@dataclass(frozen=True)
class Contracts:
    """Rosters by period: `first_day` (k,) of each period, `rosters` (k, n_teams, 15); free agents at the end."""

    first_day: Ints
    rosters: Ints
    free_agents: Ints

    def roster(self, team: Ints, day: Ints) -> Ints:
        """The players of `team` on `day` (same shapes), with the roster as a further, last axis."""
        period = np.searchsorted(self.first_day, day, side="right") - 1
        return np.asarray(self.rosters[period, team], dtype=np.int64)

    def team_by_day(self, n_players: int, n_days: int) -> Ints:
        """The team of each player on each day, shape (n_players, n_days); -1: under no contract."""
        teams = np.full((n_players, n_days), -1, dtype=np.int64)
        ends = [*self.first_day[1:], n_days]
        for roster, begin, end in zip(self.rosters, self.first_day, ends, strict=True):
            teams[roster.ravel(), begin:end] = np.repeat(np.arange(len(roster)), ROSTER_SIZE)[:, None]
        return teams


def make_contracts(world: World, n_days: int, parameters: LeagueParameters, rng: np.random.Generator) -> Contracts:
    """A season's contracts: on three days players of like standing change teams and last men are replaced."""
    rosters, free_agents = world.rosters.copy(), world.free_agents.copy()
    periods = [rosters.copy()]
    for _ in _MOMENTS:
        _trade(rosters, world.people.standing, parameters, rng)
        _sign(rosters, free_agents, world.people.standing, parameters, rng)
        periods.append(rosters.copy())
    first_day = np.array([0, *(int(moment * n_days) for moment in _MOMENTS)], dtype=np.int64)
    return Contracts(first_day, np.stack(periods), free_agents)


def _trade(rosters: Ints, standing: Floats, parameters: LeagueParameters, rng: np.random.Generator) -> None:
    """Pairs of players, neighbours in the order of their standing, change teams."""
    n_pairs = max(1, round(rosters.size * parameters.traded_share / 2 / len(_MOMENTS)))
    places = np.argsort(standing[rosters.ravel()], kind="stable")
    flat = rosters.ravel()
    for start in rng.choice(np.arange(0, len(places) - 1, 2), n_pairs, replace=False):
        one, other = places[start], places[start + 1]
        if one // ROSTER_SIZE != other // ROSTER_SIZE:
            flat[one], flat[other] = flat[other], flat[one]
    rosters[...] = flat.reshape(rosters.shape)


def _sign(
    rosters: Ints, free_agents: Ints, standing: Floats, parameters: LeagueParameters, rng: np.random.Generator
) -> None:
    """Some of the last men of the rosters give way to free agents."""
    n_signed = min(len(free_agents), max(1, round(rosters.size * parameters.signed_share)))
    teams = rng.choice(len(rosters), min(n_signed, len(rosters)), replace=False)
    newcomers = rng.choice(len(free_agents), len(teams), replace=False)
    for team, newcomer in zip(teams, newcomers, strict=True):
        last_man = int(np.argmin(standing[rosters[team]]))
        rosters[team, last_man], free_agents[newcomer] = free_agents[newcomer], rosters[team, last_man]
