"""Who cannot play on which day, and what the injury list said about it, and when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.sources.league.arrays import Bools, Ints
from features.sources.league.parameters import LeagueParameters

_SIDES = ("left", "right")
_PARTS = ("ankle", "knee", "hamstring", "calf", "wrist", "hip", "foot", "shoulder", "quad", "thumb")
_HARMS = ("{} injury", "sore {}", "bruised {}", "{} soreness")


@dataclass(frozen=True)
class Injuries:
    """Spells (one row a spell, days since opening night) and what follows from them for each player and day.

    player, first_day (the first day out), n_days (0: listed, but he plays), listed_on, returned_on (-1: never said),
    note; `out` (n_players, n_days): cannot play; `known_out`: and the list said so the day before or earlier.
    """

    player: Ints
    first_day: Ints
    n_days: Ints
    listed_on: Ints
    returned_on: Ints
    note: tuple[str, ...]
    out: Bools
    known_out: Bools


def make_injuries(n_players: int, n_days: int, parameters: LeagueParameters, rng: np.random.Generator) -> Injuries:
    """A season's injuries of players 0 ... n_players - 1; a spell may begin before opening night."""
    lead_in = 21
    counts = rng.poisson(parameters.injuries_per_season * (n_days + lead_in) / 174, n_players)
    player = np.repeat(np.arange(n_players), counts)
    first_day = rng.integers(-lead_in, n_days, len(player))
    order = np.lexsort((first_day, player))
    player, first_day = player[order], first_day[order]
    length = np.clip(
        np.round(rng.lognormal(np.log(parameters.injury_days_median), parameters.injury_days_sigma, len(player))),
        1,
        200,
    ).astype(np.int64)
    # one short spell in four is a listing that he plays through
    length = np.where((length <= 3) & (rng.random(len(player)) < 0.25), 0, length)
    apart = _keep_apart(player, first_day, length)
    player, first_day, length = player[apart], first_day[apart], length[apart]
    listed_on = first_day - rng.choice([2, 1, 0, -1], len(player), p=[0.10, 0.62, 0.24, 0.04])
    back = np.maximum(first_day + length - rng.choice([1, 0], len(player), p=[0.45, 0.55]), listed_on + 1)
    returned_on = np.where(rng.random(len(player)) < 0.03, -1, back)
    out, known_out = _by_day(n_players, n_days, player, first_day, length, listed_on)
    note = _notes(length, rng)
    return Injuries(player, first_day, length, listed_on, returned_on, note, out, known_out)


def _keep_apart(player: Ints, first_day: Ints, length: Ints) -> Bools:
    """Which spells begin at least four days after the player's last one ended."""
    kept = np.zeros(len(player), dtype=bool)
    free_from: dict[int, int] = {}
    for row, (who, first, days) in enumerate(zip(player.tolist(), first_day.tolist(), length.tolist(), strict=True)):
        if first >= free_from.get(who, -99):
            kept[row] = True
            free_from[who] = first + days + 4
    return kept


def _by_day(
    n_players: int, n_days: int, player: Ints, first_day: Ints, length: Ints, listed_on: Ints
) -> tuple[Bools, Bools]:
    out = np.zeros((n_players, n_days), dtype=bool)
    known = np.zeros((n_players, n_days), dtype=bool)
    rows = zip(player.tolist(), first_day.tolist(), length.tolist(), listed_on.tolist(), strict=True)
    for who, first, days, listed in rows:
        out[who, max(first, 0) : max(first + days, 0)] = True
        known[who, max(first, listed + 1, 0) : max(first + days, 0)] = True
    return out, known


def _notes(length: Ints, rng: np.random.Generator) -> tuple[str, ...]:
    sides, parts, harms = (rng.integers(len(words), size=len(length)) for words in (_SIDES, _PARTS, _HARMS))
    is_daily = (length <= 4) & (rng.random(len(length)) < 0.85)
    notes = []
    for side, part, harm, daily in zip(sides, parts, harms, is_daily, strict=True):
        harmed = _HARMS[harm].format(f"{_SIDES[side]} {_PARTS[part]}")
        notes.append(f"{harmed} (DTD)" if daily else f"placed on IL with {harmed}")
    return tuple(notes)
