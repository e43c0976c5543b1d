"""A link of the chain from the schedule to the grade, and what every link is asked about."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from contracts.feature_set import FeatureSet

if TYPE_CHECKING:
    from tipoff.wiring import Wiring


@dataclass(frozen=True)
class Link:
    """Whether a link holds, in a sentence, with the values that it rests on; `remedy` mends it (None: nothing does)."""

    name: str
    ok: bool
    detail: str
    values: dict[str, Any] = field(default_factory=dict)
    remedy: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Case:
    """A player on a date, by the feature set that is trained on.

    `team_id` and `game_id` are None where his team is not known or does not play.
    """

    wiring: Wiring
    player_id: int
    name: str
    game_date: date
    feature_set: FeatureSet
    team_id: int | None = None
    game_id: str | None = None
