"""Whether a build lacks rows: what was computed is held against what the raw facts and the slate expect."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import polars as pl

from contracts.errors import RefusedError
from features.raw.facts import RawFacts
from features.table.builds import FEATURE_STORE

PLAYER_GAME = ["game_id", "player_id"]
TEAM_GAME = ["game_id", "team_id"]


def refuse_missing_rows(raw: RawFacts, frames: Mapping[str, pl.DataFrame], dates: Collection[date]) -> None:
    """Nothing, where the feature store has every box score of `dates` and no builder lacks a row that another has.

    Raises RefusedError for the first builder that lacks rows, with their count: a date without its rows must not
    count as done.
    """
    box_scores = raw.player_games.select(*PLAYER_GAME, "game_date").filter(pl.col("game_date").is_in(dates))
    _refuse(FEATURE_STORE, box_scores, frames[FEATURE_STORE], PLAYER_GAME, "player-games with a box score")
    by_player = {name: frame for name, frame in frames.items() if "player_id" in frame.columns}
    known = _all_rows([frame.select(*PLAYER_GAME, "team_id", "game_date") for frame in by_player.values()])
    for name, frame in frames.items():
        key, of = (PLAYER_GAME, "player-games") if name in by_player else (TEAM_GAME, "team-games")
        _refuse(name, known.unique(key), frame, key, of)


def _all_rows(keys: list[pl.DataFrame]) -> pl.DataFrame:
    """What stands in any of `keys`; frames that say the same, as they should, are not held twice."""
    others = [frame for frame in keys[1:] if not frame.equals(keys[0])]
    return pl.concat([keys[0], *others])


def _refuse(builder: str, expected: pl.DataFrame, made: pl.DataFrame, key: list[str], of: str) -> None:
    missing = expected.join(made, on=key, how="anti").sort(key)
    if missing.height:
        first = missing.row(0, named=True)
        raise RefusedError(
            f"{builder} has no row for {missing.height} of {expected.height} {of}; the first is game "
            f"{first['game_id']} of {first['game_date']}.",
            remedy="The builder lost them: mend it; nothing was written.",
        )
