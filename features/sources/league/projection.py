"""What somebody expects of games who knows the players well, but not the evening: the books' starting point."""

from __future__ import annotations

import numpy as np

from features.sources.league.arrays import Bools, Floats, sigmoid
from features.sources.league.minutes import expected_rotation
from features.sources.league.parameters import LeagueParameters
from features.sources.league.slate import Lineup


def expected_points(lineup: Lineup, available: Bools, parameters: LeagueParameters) -> Floats:
    """Expected points per player if exactly `available` players may play; 0 for the others. Shape (n, 2, 15)."""
    minutes = expected_rotation(lineup, available, parameters)
    weight = minutes * lineup.usage
    plays = lineup.possessions[:, None, None] * (1 + parameters.second_chance)
    plays = plays * weight / weight.sum(axis=-1, keepdims=True)
    made = sigmoid(lineup.shot)
    inside = (lineup.kinds[..., 2:4] * made[..., :2]).sum(axis=-1)
    free_throws = (2 * lineup.kinds[..., 1] + parameters.and_one * inside) * lineup.free_throw
    points = plays * (2 * inside + 3 * lineup.kinds[..., 4] * made[..., 2] + free_throws)
    return np.asarray(points * _answered(points.sum(axis=-1), lineup, parameters)[:, :, None], dtype=np.float64)


def _answered(points: Floats, lineup: Lineup, parameters: LeagueParameters) -> Floats:
    """What is left of each side's points (n, 2) when every quarter takes back a part of a surplus, as a factor."""
    par = lineup.possessions[:, None] * parameters.par
    surplus = points - par
    common, own = surplus.mean(axis=-1, keepdims=True), (surplus - surplus[:, ::-1]) / 2
    kept_common = _kept(parameters.adjustment)
    kept_own = _kept(parameters.adjustment + parameters.easing)
    return np.asarray((par + kept_common * common + kept_own * own) / points, dtype=np.float64)


def _kept(taken: float) -> float:
    """The share of an even advantage that four quarters leave, each taking back `taken` of what there is."""
    return sum((1 - taken) ** quarter for quarter in range(4)) / 4
