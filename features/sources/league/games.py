"""How games are played: possessions to plays, plays to shots, quarter by quarter, overtime until somebody wins."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from features.sources.league.arrays import Floats, Ints, sigmoid, whole
from features.sources.league.minutes import (
    OVERTIME,
    QUARTER,
    REGULATION,
    cameo,
    last_quarter,
    overtime,
    rotation,
)
from features.sources.league.parameters import LeagueParameters
from features.sources.league.slate import Lineup

_POINTS_PER_LOGIT = 12.5
"""A quarter's points of one team for a shift of 1 in the logit of every shot."""


@dataclass(frozen=True)
class Tally:
    """What happened: per player (n, 2, 15) unless said otherwise; shots by zone (n, 2, 15, 3).

    minutes, plays' ends (turnovers, shots tried and made, free throws tried and made); offensive_rebounds (n, 2) of
    the team; plus_minus in points, not yet whole.
    """

    minutes: Floats
    turnovers: Ints
    tried: Ints
    made: Ints
    free_throws_tried: Ints
    free_throws_made: Ints
    offensive_rebounds: Ints
    plus_minus: Floats

    @property
    def points(self) -> Ints:
        """Points per player."""
        return np.asarray(self.made @ np.array([2, 2, 3]) + self.free_throws_made, dtype=np.int64)

    @property
    def lead(self) -> Ints:
        """The home team's points minus the visitors', shape (n,)."""
        score = self.points.sum(axis=-1)
        return np.asarray(score[:, 0] - score[:, 1], dtype=np.int64)

    def plus(self, other: Self, games: Ints | None = None) -> Self:
        """This and `other`, which is about all games or about `games` only."""
        columns = {}
        for f in fields(self):
            total = getattr(self, f.name).copy()
            total[slice(None) if games is None else games] += getattr(other, f.name)
            columns[f.name] = total
        return replace(self, **columns)


@dataclass(frozen=True)
class _Night:
    """What a night adds to the lineup: involvement (a factor) and touch (logit) per player, tempo (n,) a factor."""

    involvement: Floats
    touch: Floats
    tempo: Floats

    def of(self, games: Ints) -> _Night:
        return _Night(self.involvement[games], self.touch[games], self.tempo[games])


def play(lineup: Lineup, parameters: LeagueParameters, rng: np.random.Generator) -> Tally:
    """The games of a lineup from tip-off to the last overtime; nobody draws."""
    night = _make_night(lineup, parameters, rng)
    minutes = rotation(lineup, parameters, rng)
    tally = _stretch(lineup, night, minutes / 4, QUARTER, None, parameters, rng)
    for quarters in (1, 2):
        answer = _answer(tally, quarters, lineup, night, parameters)
        tally = tally.plus(_stretch(lineup, night, minutes / 4, QUARTER, answer, parameters, rng))
    last = last_quarter(minutes, lineup, tally.lead, parameters)
    last = last + cameo(minutes + last, lineup, parameters, rng)
    answer = _answer(tally, 3, lineup, night, parameters)
    tally = tally.plus(_stretch(lineup, night, last, QUARTER, answer, parameters, rng))
    tally = tally.plus(_last_shots(lineup, last, tally.lead, parameters, rng))
    while (tied := np.flatnonzero(tally.lead == 0)).size:
        extra = overtime(minutes[tied], parameters)
        tally = tally.plus(_stretch(lineup.of(tied), night.of(tied), extra, OVERTIME, None, parameters, rng), tied)
    return tally


def _make_night(lineup: Lineup, parameters: LeagueParameters, rng: np.random.Generator) -> _Night:
    shape = lineup.standing.shape
    shared = rng.normal(0, parameters.game_shooting_sd, shape[:1])
    return _Night(
        involvement=np.exp(rng.normal(0, parameters.involvement_sd, shape)),
        touch=rng.normal(0, parameters.touch_sd, shape) + shared[:, None, None],
        tempo=1 + rng.normal(0, parameters.game_possessions_sd / parameters.possessions, shape[:1]),
    )


def _stretch(
    lineup: Lineup,
    night: _Night,
    minutes: Floats,
    length: float,
    answer: Floats | None,
    parameters: LeagueParameters,
    rng: np.random.Generator,
) -> Tally:
    """What happens in `length` minutes of play shared out as `minutes` (n, 2, 15), with an answer (n, 2), logit."""
    possessions = whole(lineup.possessions * night.tempo * length / REGULATION, rng)
    seconds = rng.binomial(possessions[:, None], parameters.second_chance, minutes.shape[:2])
    weight = minutes * lineup.usage * night.involvement
    share = weight / weight.sum(axis=-1, keepdims=True)
    plays = rng.multinomial(possessions[:, None] + seconds, share)
    kinds = rng.multinomial(plays, lineup.kinds)
    tried = kinds[..., 2:]
    touch = night.touch if answer is None else night.touch + answer[:, :, None]
    made = rng.binomial(tried, sigmoid(lineup.shot + touch[..., None]))
    free_throws = 2 * kinds[..., 1] + rng.binomial(made[..., 0] + made[..., 1], parameters.and_one)
    tally = Tally(
        minutes=minutes,
        turnovers=kinds[..., 0],
        tried=tried,
        made=made,
        free_throws_tried=free_throws,
        free_throws_made=rng.binomial(free_throws, lineup.free_throw),
        offensive_rebounds=seconds,
        plus_minus=np.zeros(minutes.shape),
    )
    return replace(tally, plus_minus=_plus_minus(tally.lead, minutes, length, rng))


def _last_shots(
    lineup: Lineup, minutes: Floats, lead: Ints, parameters: LeagueParameters, rng: np.random.Generator
) -> Tally:
    """What the last seconds of close games add: who is a shot behind plays for the tie, and at times gets it.

    A free throw of two ties a game of one point, a shot from the paint one of two, a three one of three.
    """
    behind = np.abs(lead)
    level = np.flatnonzero((behind >= 1) & (behind <= 3) & (rng.random(len(lead)) < parameters.last_shot))
    side = (lead[level] > 0).astype(np.int64)
    weight = (minutes * lineup.usage)[level, side].cumsum(axis=-1)
    place = (weight < rng.random((len(level), 1)) * weight[:, -1:]).sum(axis=-1)
    shape, by_one = minutes.shape, behind[level] == 1
    tried, free = np.zeros((*shape, 3), dtype=np.int64), np.zeros(shape, dtype=np.int64)
    tried[level, side, place, np.where(behind[level] == 3, 2, 0)] = ~by_one
    free[level, side, place] = by_one
    none = np.zeros(shape, dtype=np.int64)
    shots = Tally(np.zeros(shape), none, tried, tried, 2 * free, free, none.sum(axis=-1), np.zeros(shape))
    margin = np.stack([shots.lead, -shots.lead], axis=-1)[:, :, None]
    return replace(shots, plus_minus=5 * margin * minutes / minutes.sum(axis=-1, keepdims=True))


def _answer(tally: Tally, quarters: int, lineup: Lineup, night: _Night, parameters: LeagueParameters) -> Floats:
    """How both sides (n, 2) find their shots after so many quarters, logit.

    Defences adjust to whoever scores above par, leaders ease off and trailers press.
    """
    par = lineup.possessions * night.tempo * parameters.par * quarters / 4
    surplus = tally.points.sum(axis=-1) - par[:, None]
    back = parameters.adjustment * surplus + parameters.easing * (surplus - surplus[:, ::-1]) / 2
    return np.asarray(-back / _POINTS_PER_LOGIT, dtype=np.float64)


def _plus_minus(lead: Ints, minutes: Floats, length: float, rng: np.random.Generator) -> Floats:
    """Each player's part of the stretch's margin: what his minutes make likely, and chance; five margins a team."""
    margin = np.stack([lead, -lead], axis=-1)[:, :, None]
    part = minutes / length
    chance = rng.normal(0, 1, minutes.shape) * np.sqrt(part * np.maximum(1 - part, 0) * length) * 2.3
    chance = chance - part * chance.sum(axis=-1, keepdims=True) / np.maximum(part.sum(axis=-1, keepdims=True), 1e-9)
    scale = 5 / np.maximum(part.sum(axis=-1, keepdims=True), 1e-9)
    return np.asarray(margin * part * scale + chance, dtype=np.float64)
