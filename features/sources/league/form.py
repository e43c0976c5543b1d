"""The state of a season on each of its days: contracts, injuries, and how players and teams drift."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from features.sources.league.arrays import Floats, sigmoid, wander
from features.sources.league.injuries import Injuries, make_injuries
from features.sources.league.parameters import LeagueParameters
from features.sources.league.people import World
from features.sources.league.transactions import Contracts, make_contracts


@dataclass(frozen=True)
class Form:
    """A season's people and teams day by day.

    standing, usage, shooting: (n_players, n_days), as in People; defence: (n_teams, n_days, 3), logit by zone.
    """

    world: World
    contracts: Contracts
    injuries: Injuries
    standing: Floats
    usage: Floats
    shooting: Floats
    defence: Floats


def make_form(
    world: World, n_regular_days: int, n_days: int, parameters: LeagueParameters, rng: np.random.Generator
) -> Form:
    """The form of a season of `n_days` days, `n_regular_days` of them before the playoffs."""
    people, n_teams = world.people, len(world.rosters)
    on_bench = 1 - sigmoid(people.standing)[:, None]
    drifts = [
        wander(rng, len(people), n_days, daily_sd=daily, swing_sd=swing, memory_days=parameters.swing_days)
        for daily, swing in (
            (parameters.standing_daily_sd, parameters.standing_swing_sd),
            (parameters.usage_daily_sd, parameters.usage_swing_sd),
            (parameters.shooting_daily_sd, parameters.shooting_swing_sd),
        )
    ]
    defence = wander(
        rng, n_teams * 3, n_days, daily_sd=parameters.defence_daily_sd, swing_sd=0.0, memory_days=parameters.swing_days
    )
    return Form(
        world=world,
        contracts=make_contracts(world, n_regular_days, parameters, rng),
        injuries=make_injuries(len(people), n_days, parameters, rng),
        standing=people.standing[:, None] + drifts[0] * (1 + parameters.restlessness * on_bench),
        usage=people.usage[:, None] + drifts[1],
        shooting=people.shooting[:, None] + drifts[2],
        defence=world.teams.defence[:, None, :] + defence.reshape(n_teams, 3, n_days).transpose(0, 2, 1),
    )


def end_of_season(form: Form, last_day: int) -> World:
    """The world that a season leaves behind: players as they had become, teams as they last stood."""
    people = replace(
        form.world.people,
        standing=form.standing[:, last_day],
        usage=form.usage[:, last_day],
        shooting=form.shooting[:, last_day],
    )
    return replace(
        form.world, people=people, rosters=form.contracts.rosters[-1], free_agents=form.contracts.free_agents
    )
