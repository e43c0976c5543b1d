"""The league's people: what each player is like, and who is under contract with whom between seasons."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from features.sources.league.arrays import Days, Floats, Ints, logit
from features.sources.league.parameters import ROSTER_SIZE, LeagueParameters

POSITIONS = ("G", "F", "C")
_SLOT_POSITIONS = np.array([0, 1, 2, 1, 0, 1, 0, 2, 0, 1, 0, 1, 2, 0, 1])

# per position: shots moved from paint to three (log), then the weights by which a team's counts are shared out
_STYLE = {
    "paint": (-0.25, 0.05, 0.65),
    "mid_range": (0.10, 0.0, -0.20),
    "three": (0.25, 0.10, -1.10),
    "oreb": (0.45, 0.95, 2.3),
    "dreb": (0.75, 1.05, 1.7),
    "assist": (1.55, 0.80, 0.65),
    "steal": (1.15, 1.0, 0.75),
    "block": (0.45, 0.95, 2.2),
    "foul": (0.9, 1.0, 1.35),
}
_FREE_THROW_MADE = (0.82, 0.785, 0.715)


@dataclass(frozen=True)
class People:
    """Every player there ever was, one entry an array: row `i` is the player with number `i`.

    standing (logit of wanted minutes), usage (log), shooting (logit); zone (n, 3) log shares of shots; free_throw
    (made, share); trips and turnovers (log); oreb ... foul (weights); born; position (index into POSITIONS).
    """

    standing: Floats
    usage: Floats
    shooting: Floats
    zone: Floats
    free_throw: Floats
    trips: Floats
    turnovers: Floats
    oreb: Floats
    dreb: Floats
    assist: Floats
    steal: Floats
    block: Floats
    foul: Floats
    position: Ints
    born: Days

    def __len__(self) -> int:
        return len(self.standing)

    def joined_by(self, others: Self) -> Self:
        """These people, and after them `others`."""
        columns = {f.name: np.concatenate([getattr(self, f.name), getattr(others, f.name)]) for f in fields(self)}
        return replace(self, **columns)

    def age(self, season: int) -> Floats:
        """Years on 1 October of that year."""
        return np.asarray((np.datetime64(f"{season}-10-01") - self.born).astype(np.float64) / 365.25)


@dataclass(frozen=True)
class Teams:
    """What each team is like: defence (n, 3) by zone and offence, logit; possessions in 48 minutes."""

    defence: Floats
    offence: Floats
    possessions: Floats


@dataclass(frozen=True)
class World:
    """The league between two seasons: rosters (n_teams, 15) and free agents hold players' numbers."""

    people: People
    teams: Teams
    rosters: Ints
    free_agents: Ints


def found(n_teams: int, season: int, parameters: LeagueParameters, rng: np.random.Generator) -> World:
    """A new league: full rosters with stars, starters, rotation and bench, and free agents."""
    n_free = n_teams * parameters.free_agents_per_team
    slots = np.concatenate([np.tile(np.arange(ROSTER_SIZE), n_teams), np.full(n_free, ROSTER_SIZE - 1)])
    ages = np.clip(rng.gamma(3.2, 2.3, len(slots)) + 19.2, 19.2, 39.0)
    people = make_people(slots, ages, season, parameters, rng)
    numbers = np.arange(len(slots))
    rosters = numbers[: n_teams * ROSTER_SIZE].reshape(n_teams, ROSTER_SIZE)
    return World(people, _make_teams(n_teams, parameters, rng), rosters, numbers[n_teams * ROSTER_SIZE :])


def make_people(
    slots: Ints, ages: Floats, season: int, parameters: LeagueParameters, rng: np.random.Generator
) -> People:
    """One player for each roster slot (0 the star, 14 the last man) and age in years on 1 October of `season`."""
    n = len(slots)
    position = _SLOT_POSITIONS[rng.integers(ROSTER_SIZE, size=n)]
    wanted = np.array(parameters.role_minutes)[slots] / parameters.full_minutes
    usage = np.log(np.array(parameters.role_usage)[slots]) + rng.normal(0, parameters.usage_sd, n)
    # who ends many plays creates for others and draws fouls
    made = np.array(_FREE_THROW_MADE)[position] + rng.normal(0, 0.06, n)

    def weight(name: str, spread: float, lift: float = 0.0) -> Floats:
        typical = np.array(_STYLE[name])[position]
        return np.asarray(typical * np.exp(lift * usage + rng.normal(0, spread, n)), dtype=np.float64)

    return People(
        standing=logit(wanted) + rng.normal(0, parameters.standing_sd, n),
        usage=usage,
        shooting=rng.normal(0, parameters.shooting_sd, n),
        zone=_zone_style(position, parameters, rng),
        free_throw=np.clip(made, 0.5, 0.95),
        trips=0.35 * usage + rng.normal(0, 0.30, n),
        turnovers=rng.normal(0, 0.15, n),
        oreb=weight("oreb", 0.30),
        dreb=weight("dreb", 0.20),
        assist=weight("assist", 0.30, lift=0.8),
        steal=weight("steal", 0.20),
        block=weight("block", 0.40),
        foul=weight("foul", 0.20),
        position=position,
        born=np.datetime64(f"{season}-10-01") - (ages * 365.25).astype("timedelta64[D]"),
    )


def summer(world: World, season: int, parameters: LeagueParameters, rng: np.random.Generator) -> World:
    """The world before `season`: everyone a year older, some retired and replaced, some with another team."""
    people = _age(world.people, season, parameters, rng)
    rosters = _shuffle_teams(world.rosters, parameters, rng)
    everyone = np.concatenate([rosters.ravel(), world.free_agents])
    retiring = rng.random(len(everyone)) < _retirement(people, everyone, season)
    n_rookies = int(retiring.sum())
    slots = rng.choice(np.arange(4, ROSTER_SIZE), n_rookies)
    rookies = make_people(slots, rng.uniform(19.1, 22.9, n_rookies), season, parameters, rng)
    everyone[retiring] = len(people) + np.arange(n_rookies)
    teams = _make_teams(len(rosters), parameters, rng)
    # a team is a mixture of what it was and of what it might have become
    mixed = Teams(
        0.6 * world.teams.defence + 0.8 * teams.defence,
        0.6 * world.teams.offence + 0.8 * teams.offence,
        0.6 * world.teams.possessions + 0.4 * teams.possessions,
    )
    return World(
        people.joined_by(rookies), mixed, everyone[: rosters.size].reshape(rosters.shape), everyone[rosters.size :]
    )


def _zone_style(position: Ints, parameters: LeagueParameters, rng: np.random.Generator) -> Floats:
    typical = np.array([_STYLE["paint"], _STYLE["mid_range"], _STYLE["three"]]).T[position]
    spread = np.array([0.25, 0.45, 0.35])
    noise = rng.normal(0, 1, typical.shape) * spread
    return np.asarray(np.log(np.array(parameters.zone_share)) + typical + noise, dtype=np.float64)


def _make_teams(n_teams: int, parameters: LeagueParameters, rng: np.random.Generator) -> Teams:
    return Teams(
        defence=rng.normal(0, 1, (n_teams, 3)) * np.array(parameters.defence_sd),
        offence=rng.normal(0, parameters.offence_sd, n_teams),
        possessions=parameters.possessions + rng.normal(0, parameters.team_possessions_sd, n_teams),
    )


def _age(people: People, season: int, parameters: LeagueParameters, rng: np.random.Generator) -> People:
    """The young grow into larger parts, the old out of them; all with a step of chance."""
    age, n = people.age(season), len(people)
    growth = np.where(age < 24, 0.22, np.where(age > 31, -0.16, 0.0))
    return replace(
        people,
        standing=np.clip(people.standing + growth + rng.normal(0, parameters.summer_standing_sd, n), -3.0, 2.9),
        usage=np.clip(people.usage + 0.2 * growth + rng.normal(0, parameters.summer_usage_sd, n), -0.7, 0.75),
        shooting=0.95 * people.shooting + rng.normal(0, parameters.summer_shooting_sd, n),
    )


def _shuffle_teams(rosters: Ints, parameters: LeagueParameters, rng: np.random.Generator) -> Ints:
    """Some players change places with one another, whatever their teams."""
    places = rosters.ravel().copy()
    movers = np.flatnonzero(rng.random(places.size) < parameters.summer_move_share)
    places[movers] = places[rng.permutation(movers)]
    return places.reshape(rosters.shape)


def _retirement(people: People, numbers: Ints, season: int) -> Floats:
    """The chance of each to stop: rising from 31 years on, and for those who hardly play."""
    age = people.age(season)[numbers]
    return np.asarray(np.clip((age - 31) * 0.08, 0, 0.9) + 0.10 * (people.standing[numbers] < -1.6))
