"""Two versions held against each other on the rows that neither has seen: every part, and where they differ most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from contracts.errors import RefusedError
from registry.comparison import Part, by_month, compare_part, differ_most
from registry.evidence import Slice
from registry.versions import ModelVersion, get_version
from tipoff.same_rows import SameRows, first_unseen_date, gather_rows, load

if TYPE_CHECKING:
    from tipoff.wiring import Wiring

MOST_ROWS = 10


@dataclass(frozen=True)
class Comparison:
    """`parts` overall, by population, tier and month; `rows` are the player-games that they say most differently."""

    a: ModelVersion
    b: ModelVersion
    population: str
    build_id: int
    parts: list[Part]
    rows: list[dict[str, Any]]

    @property
    def differ_most(self) -> list[Part]:
        """The parts whose difference is told from chance, the largest first."""
        return differ_most(self.parts)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "a": self.a.version,
            "b": self.b.version,
            "population": self.population,
            "build_id": self.build_id,
            "parts": [part.to_json() for part in self.parts],
            "differ_most": {"parts": [part.to_json() for part in self.differ_most], "rows": self.rows},
        }


def compare_versions(wiring: Wiring, a: int, b: int) -> Comparison:
    """`a` and `b`, both predicting the same rows afresh: those of B's population after both were trained.

    Raises UsageError for an unknown version, RefusedError where there is no row that neither has seen, or one of them
    does not verify.
    """
    first, second = get_version(wiring.engine, a), get_version(wiring.engine, b)
    models = (load(wiring, first), load(wiring, second))
    same = gather_rows(wiring, models)
    whole = _whole(same)
    overall = compare_part("overall", whole)
    if overall is None:
        raise RefusedError(
            f"There is no row of {same.rows.population} from {first_unseen_date(models)} on that both versions predict "
            "and neither has seen.",
            remedy="Ingest later games and run `tipoff features backfill`, or compare versions trained up to earlier.",
        )
    tiers = {name for name, _ in same.masks()} - {"rotation", "early", "lined"}
    parts = [compare_part("tier" if part.name in tiers else "population", part) for part in same.slices()]
    parts += [compare_part("month", month) for month in by_month(whole)]
    told = [overall, *(part for part in parts if part is not None)]
    return Comparison(first, second, same.rows.population, same.rows.build_id, told, _rows(same))


def _whole(same: SameRows) -> Slice:
    chosen = same.rows.in_population
    theirs, ours = (said.point[chosen] for said in same.predictions)
    dates, actual = same.rows.dates[chosen], same.actual[chosen]
    return Slice(same.rows.population, dates, actual, challenger=ours, champion=theirs)


def _rows(same: SameRows) -> list[dict[str, Any]]:
    """The player-games whose predictions lie farthest apart."""
    first, second = (said.point for said in same.predictions)
    apart = np.where(same.rows.in_population, np.nan_to_num(np.abs(second - first), nan=-1.0), -1.0)
    order = [int(place) for place in np.argsort(-apart, kind="stable")[:MOST_ROWS] if apart[place] >= 0]
    keys = same.rows.frame.select("game_date", "game_id", "player_id")
    return [
        dict(zip(("game_date", "game_id", "player_id"), keys.row(place), strict=True))
        | {"a": float(first[place]), "b": float(second[place]), "actual": float(same.actual[place])}
        for place in order
    ]
