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
    return np.asarray(plays * (2 * inside + 3 * lineup.kinds[..., 4] * made[..., 2] + free_throws), dtype=np.float64)


def expected_margin(points: Floats, parameters: LeagueParameters) -> Floats:
    """The home team's expected lead: leaders ease off, so less than the difference of what both would score."""
    naive = points.sum(axis=-1)
    keep = 1 - parameters.easing
    damped = sum(keep**quarter for quarter in range(4)) / 4
    return np.asarray(damped * (naive[:, 0] - naive[:, 1]), dtype=np.float64)
