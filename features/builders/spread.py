"""How a stage of the computation may be spread over pieces of the facts, each holding whole games or whole players."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import polars as pl

from features.raw.facts import RawFacts

Key = Literal["game_id", "player_id"]

Stage = Callable[[RawFacts], pl.DataFrame]
"""From facts to rows. The rows of a key stand on nothing but that key's own facts and what is common to all pieces."""


class Spread(Protocol):
    """A way to run a stage."""

    def __call__(self, stage: Stage, raw: RawFacts, key: Key, order: Sequence[str]) -> pl.DataFrame:
        """What `stage` makes of `raw`, to the bit, whatever the pieces.

        A piece holds, of each raw table that has the column `key`, all rows of its keys; the other tables are whole
        in every piece. `order` names the columns by which the stage sorts its rows; they tell its rows apart.
        """


def in_one_piece(stage: Stage, raw: RawFacts, key: Key, order: Sequence[str]) -> pl.DataFrame:
    """The stage run once, over everything, in this process."""
    return stage(raw)
