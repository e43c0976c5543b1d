"""Box scores: a tally made whole, and the counts that do not decide the score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.sources.league.arrays import Bools, Floats, Ints
from features.sources.league.games import Tally
from features.sources.league.people import People
from features.sources.league.slate import Lineup

_TEAM_REBOUNDS = 0.13
"""Missed shots and free throws whose rebound is credited to no player, share."""
_ASSISTED = 0.63
_STOLEN = 0.55
"""Turnovers that are somebody's steal, share."""
_BLOCKED = 0.195
"""Missed shots from the paint and mid-range that somebody blocked, share."""
_OTHER_FOULS = 8.3
"""Fouls of a team that send nobody to the line."""


@dataclass(frozen=True)
class Boxes:
    """Box scores; axes: game, side, roster place. `appeared`: has a row, even one of no whole minute."""

    appeared: Bools
    minutes: Ints
    points: Ints
    tried: Ints
    made: Ints
    free_throws_tried: Ints
    free_throws_made: Ints
    oreb: Ints
    dreb: Ints
    assists: Ints
    steals: Ints
    blocks: Ints
    turnovers: Ints
    fouls: Ints
    plus_minus: Ints


def write_boxes(tally: Tally, lineup: Lineup, people: People, rng: np.random.Generator) -> Boxes:
    """The box scores of these games; team sums are consistent between the two sides."""
    player = lineup.player
    shots_missed = (tally.tried - tally.made).sum(axis=-1)
    missed = shots_missed.sum(axis=-1) + ((tally.free_throws_tried - tally.free_throws_made).sum(axis=-1) * 0.4).astype(
        int
    )
    offensive = np.minimum(tally.offensive_rebounds, missed)
    defensive = rng.binomial((missed - offensive)[:, ::-1], 1 - _TEAM_REBOUNDS)
    made = tally.made.sum(axis=(-1, -2))
    lost = tally.turnovers.sum(axis=-1)[:, ::-1]
    inside_missed = (tally.tried - tally.made)[..., :2].sum(axis=(-1, -2))[:, ::-1]
    trips = (tally.free_throws_tried.sum(axis=-1) // 2)[:, ::-1]

    def share_among(counts: Ints, weight: Floats) -> Ints:
        weights = tally.minutes * weight[player]
        return np.asarray(rng.multinomial(counts, weights / weights.sum(axis=-1, keepdims=True)), dtype=np.int64)

    return Boxes(
        appeared=tally.minutes > 0,
        minutes=np.round(tally.minutes).astype(np.int64),
        points=tally.points,
        tried=tally.tried,
        made=tally.made,
        free_throws_tried=tally.free_throws_tried,
        free_throws_made=tally.free_throws_made,
        oreb=share_among(offensive, people.oreb),
        dreb=share_among(defensive, people.dreb),
        assists=share_among(rng.binomial(made, _ASSISTED), people.assist),
        steals=share_among(rng.binomial(lost, _STOLEN), people.steal),
        blocks=share_among(rng.binomial(inside_missed, _BLOCKED), people.block),
        turnovers=tally.turnovers,
        fouls=np.minimum(share_among(trips + rng.poisson(_OTHER_FOULS, trips.shape), people.foul), 6),
        plus_minus=_whole_plus_minus(tally),
    )


def _whole_plus_minus(tally: Tally) -> Ints:
    """Whole points that add up to five times the margin; whoever played longest takes the rounding."""
    rounded = np.round(tally.plus_minus).astype(np.int64)
    margin = np.stack([tally.lead, -tally.lead], axis=-1)
    longest = np.argmax(tally.minutes, axis=-1)[..., None]
    rest = (5 * margin - rounded.sum(axis=-1))[..., None]
    np.put_along_axis(rounded, longest, np.take_along_axis(rounded, longest, axis=-1) + rest, axis=-1)
    return rounded
