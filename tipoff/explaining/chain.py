"""The chain from the schedule to the grade of one player on one date, and the first link of it that does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from features.feature_sets import load_feature_set
from tipoff.explaining.built import builders, feature_row
from tipoff.explaining.facts import raw_rows, schedule
from tipoff.explaining.link import Case, Link
from tipoff.explaining.players import find_player
from tipoff.explaining.said import batch, grade, prediction

if TYPE_CHECKING:
    from tipoff.wiring import Wiring


@dataclass(frozen=True)
class Chain:
    """Every link in order; `broken` is the first that does not hold (None: all do)."""

    player_id: int
    name: str
    game_date: date
    links: tuple[Link, ...]

    @property
    def broken(self) -> Link | None:
        """Where to look first: what comes after it cannot hold."""
        return next((link for link in self.links if not link.ok), None)

    def to_json(self) -> dict[str, Any]:
        """player_id, name, date, links, broken (the link's name or null), detail and remedy of it."""
        wrong = self.broken
        return {
            "player_id": self.player_id,
            "name": self.name,
            "date": self.game_date,
            "links": [link.to_json() for link in self.links],
            "broken": wrong.name if wrong else None,
            "detail": wrong.detail if wrong else None,
            "remedy": wrong.remedy if wrong else None,
        }


def explain_chain(wiring: Wiring, player: str, game_date: date) -> Chain:
    """schedule -> raw_rows -> builders -> feature_row -> batch -> prediction -> grade, each looked at by itself.

    A batch is not wanted where he was predicted on request. Raises UsageError for a player that is none or several.
    """
    player_id, name = find_player(wiring.engine, player)
    case = Case(wiring, player_id, name, game_date, load_feature_set(wiring.settings.training.feature_set))
    first, case = schedule(case)
    told = [first, raw_rows(case), builders(case), feature_row(case)]
    in_batch, said = batch(case), prediction(case)
    if said.ok and not in_batch.ok:
        in_batch = Link("batch", True, f"Predicted on request, outside of a batch. {in_batch.detail}", in_batch.values)
    return Chain(player_id, name, game_date, (*told, in_batch, said, grade(case)))
