"""Games to be played, and who is there to play them and with what chances."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from features.sources.league.arrays import Bools, Floats, Ints, logit
from features.sources.league.form import Form
from features.sources.league.parameters import LeagueParameters
from features.sources.league.people import Teams


@dataclass(frozen=True)
class Slate:
    """Games to be played: day (n,) since opening night; teams (n, 2) home and away; rest (n, 2) days, -1 none known."""

    day: Ints
    teams: Ints
    rest: Ints
    is_playoff: Bools


@dataclass(frozen=True)
class Lineup:
    """What decides the games of a slate; axes: game, side (home, away), roster place, then zone or kind of play.

    player: numbers; available; known_out: injured, as the list said; out: injured; absence: chance of staying away
    unannounced; standing (logit of wanted minutes, the evening's tiredness in it); usage: relative weights; kinds
    (..., 5): shares of plays that end in a turnover, free throws, or a shot from each zone; shot (..., 3): logit of
    making one; free_throw: share made; possessions (n,) expected in 48 minutes.
    """

    player: Ints
    available: Bools
    known_out: Bools
    out: Bools
    absence: Floats
    standing: Floats
    usage: Floats
    kinds: Floats
    shot: Floats
    free_throw: Floats
    possessions: Floats

    def of(self, games: Ints | Bools) -> Self:
        """The same for some of the games only."""
        return replace(self, **{f.name: getattr(self, f.name)[games] for f in fields(self)})


def line_up(slate: Slate, form: Form, parameters: LeagueParameters, rng: np.random.Generator) -> Lineup:
    """Everything about these games that is settled before tip-off."""
    people, teams = form.world.people, form.world.teams
    day = slate.day[:, None]
    player = form.contracts.roster(slate.teams, np.broadcast_to(day, slate.teams.shape))
    on_day = day[:, :, None]
    known_out = form.injuries.known_out[player, on_day]
    out = form.injuries.out[player, on_day]
    tired = (slate.rest == 0)[:, :, None]
    standing = form.standing[player, on_day] + parameters.tired_standing * tired
    absence = _absence(standing, tired, parameters)
    tilt = parameters.playoff_tilt * slate.is_playoff[:, None, None]
    return Lineup(
        player=player,
        available=_available(out, absence, parameters, rng),
        known_out=known_out,
        out=out,
        absence=absence,
        standing=standing * (1 + tilt),
        usage=np.exp(form.usage[player, on_day]),
        kinds=_kinds(people.zone[player], people.trips[player], people.turnovers[player], parameters),
        shot=_shot(slate, form, player, parameters),
        free_throw=people.free_throw[player],
        possessions=_possessions(slate, teams, parameters),
    )


def another_evening(lineup: Lineup, parameters: LeagueParameters, rng: np.random.Generator) -> Lineup:
    """The same games with other men staying away unannounced, as likely as those who did."""
    return replace(lineup, available=_available(lineup.out, lineup.absence, parameters, rng))


def _absence(standing: Floats, tired: Bools, parameters: LeagueParameters) -> Floats:
    """The chance of staying away without a word before: anybody's, and that of a heavy load's second night."""
    heavy = standing > logit(np.array(30.0 / parameters.full_minutes))
    return np.asarray(parameters.unlisted_absence + parameters.rest_absence * (tired & heavy), dtype=np.float64)


def _available(out: Bools, absence: Floats, parameters: LeagueParameters, rng: np.random.Generator) -> Bools:
    """Who dresses: not injured, not absent for reasons of his own, and eight men in any case."""
    absent = rng.random(out.shape) < absence
    # a team calls back first those who are merely absent, then the injured, at random among each
    reluctance = absent + 2.0 * out + rng.random(out.shape) * 0.5
    order = np.argsort(np.argsort(reluctance, axis=-1), axis=-1)
    return np.asarray((~out & ~absent) | (order < parameters.fewest_players))


def _possessions(slate: Slate, teams: Teams, parameters: LeagueParameters) -> Floats:
    """Each team pulls the game's pace away from the league's by as much as its own differs."""
    both = teams.possessions[slate.teams].sum(axis=1) - parameters.possessions
    return np.asarray(both + parameters.playoff_possessions * slate.is_playoff, dtype=np.float64)


def _kinds(zone: Floats, trips: Floats, turnovers: Floats, parameters: LeagueParameters) -> Floats:
    turnover = parameters.turnover * np.exp(turnovers)
    trip = parameters.free_throw_trip * np.exp(trips)
    shares = np.exp(zone)
    shots = (1 - turnover - trip)[..., None] * shares / shares.sum(axis=-1, keepdims=True)
    return np.asarray(np.concatenate([turnover[..., None], trip[..., None], shots], axis=-1), dtype=np.float64)


def _shot(slate: Slate, form: Form, player: Ints, parameters: LeagueParameters) -> Floats:
    """The logit of a made shot by zone: the shooter, his team, the opponent's defence, the floor, rest."""
    opponents = slate.teams[:, ::-1]
    defence = form.defence[opponents, slate.day[:, None]]
    floor = np.array([parameters.home, -parameters.home])
    rest = np.where(slate.rest == 0, parameters.tired, np.where(slate.rest >= 2, parameters.rested, 0.0))
    stage = parameters.playoff_shot * slate.is_playoff[:, None]
    team = form.world.teams.offence[slate.teams] + floor + rest + stage
    shooter = form.shooting[player, slate.day[:, None, None]] + team[:, :, None]
    zones = logit(np.array(parameters.zone_made))
    return np.asarray(zones + shooter[..., None] - defence[:, :, None, :], dtype=np.float64)
