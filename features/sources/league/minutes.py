"""How a team's minutes are shared out: the rotation, garbage time and overtime."""

from __future__ import annotations

import numpy as np

from features.sources.league.arrays import Bools, Floats, Ints, sigmoid
from features.sources.league.parameters import LeagueParameters
from features.sources.league.slate import Lineup

REGULATION = 48.0
"""Minutes of a game without overtime."""
QUARTER = 12.0
OVERTIME = 5.0


def rotation(lineup: Lineup, parameters: LeagueParameters, rng: np.random.Generator) -> Floats:
    """Each player's minutes of a game that stays open, 240 a team: shape (n, 2, 15)."""
    noise = parameters.minutes_noise + parameters.restlessness * (1 - sigmoid(lineup.standing))
    standing = lineup.standing + noise * rng.normal(0, 1, lineup.standing.shape)
    size = rng.choice(parameters.rotation_sizes, lineup.standing.shape[:2])
    chosen = _is_chosen(standing, lineup.available, size)
    minutes = _settle(standing, chosen.astype(np.float64), parameters)
    left_early = rng.random(minutes.shape) < parameters.early_exit
    minutes = np.where(left_early, minutes * rng.uniform(0.1, 0.8, minutes.shape), minutes)
    return share_out(minutes, REGULATION, parameters)


def expected_rotation(lineup: Lineup, available: Bools, parameters: LeagueParameters) -> Floats:
    """The minutes somebody expects who knows the standings and who will be there, but not the night's chances."""
    rank = np.argsort(np.argsort(np.where(available, -lineup.standing, np.inf), axis=-1), axis=-1)
    # the tenth man is in every other rotation, the last ones see garbage time
    in_use = np.interp(rank, [7, 8, 9, 10, 11, 14], [1.0, 0.9, 0.6, 0.3, 0.15, 0.1])
    return share_out(_settle(lineup.standing, in_use * available, parameters), REGULATION, parameters)


def last_quarter(minutes: Floats, lineup: Lineup, lead: Ints, parameters: LeagueParameters) -> Floats:
    """The minutes of the last quarter, 60 a team: the rotation's, or the bench's where the game is decided."""
    depth = np.where(lineup.available, sigmoid(-1.4 * lineup.standing - 0.6), 0.0)
    rank = np.argsort(np.argsort(-depth, axis=-1), axis=-1)
    bench = share_out(np.where(rank < 6, depth, 0.0), QUARTER, parameters)
    decided = (np.abs(lead) - parameters.garbage_lead) / (parameters.garbage_full_lead - parameters.garbage_lead)
    part = (np.where(decided > 0, 0.25 + 0.65 * np.clip(decided, 0, 1), 0.0))[:, None, None]
    return np.asarray((1 - part) * minutes * QUARTER / REGULATION + part * bench, dtype=np.float64)


def overtime(minutes: Floats, parameters: LeagueParameters) -> Floats:
    """The minutes of five more, 25 a team: those who played most."""
    return share_out(minutes**2.5, OVERTIME, parameters)


def cameo(played: Floats, lineup: Lineup, parameters: LeagueParameters, rng: np.random.Generator) -> Floats:
    """The seconds, as minutes, of men who come in for one possession and would not have played else."""
    idle = lineup.available & (played == 0)
    chance = parameters.cameo / np.maximum(idle.sum(axis=-1, keepdims=True), 1)
    called = idle & (rng.random(played.shape) < chance)
    return np.where(called, rng.uniform(0.05, 0.45, played.shape), 0.0)


def share_out(wanted: Floats, length: float, parameters: LeagueParameters) -> Floats:
    """Five times `length` minutes a team, in proportion to `wanted`, nobody above the most that one man plays."""
    most = parameters.most_share * length
    minutes = wanted * (5 * length / np.maximum(wanted.sum(axis=-1, keepdims=True), 1e-9))
    for _ in range(6):
        minutes = np.minimum(minutes, most)
        free = np.where(minutes < most, minutes, 0.0)
        missing = 5 * length - minutes.sum(axis=-1, keepdims=True)
        minutes = minutes + free * (missing / np.maximum(free.sum(axis=-1, keepdims=True), 1e-9))
    return np.asarray(minutes, dtype=np.float64)


def _settle(standing: Floats, part: Floats, parameters: LeagueParameters) -> Floats:
    """Minutes wanted by those who take `part` (0-1), all standings shifted until a team's minutes are about 240.

    Where many are absent the stars, who play nearly all they can, gain little, and the bench gains much.
    """
    shift = np.zeros((*standing.shape[:2], 1))
    for _ in range(6):
        share = part * sigmoid(standing + shift)
        slope = (share * (1 - share)).sum(axis=-1, keepdims=True)
        missing = 5 * REGULATION / parameters.full_minutes - share.sum(axis=-1, keepdims=True)
        shift = shift + np.clip(missing / np.maximum(slope, 0.1), -1.0, 1.0)
    return np.asarray(part * sigmoid(standing + shift), dtype=np.float64)


def _is_chosen(standing: Floats, available: Bools, size: Ints) -> Bools:
    ranked = np.where(available, -standing, np.inf)
    rank = np.argsort(np.argsort(ranked, axis=-1), axis=-1)
    return np.asarray(available & (rank < size[:, :, None]))
