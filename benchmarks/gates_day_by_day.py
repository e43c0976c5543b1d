"""The quality gates as a daily cycle meets them: each date of a season judged alone, with only what stood before it.

`python -m benchmarks.gates_day_by_day HOME [--feature-set v2_33features]`: HOME has a built feature table. Every date
of its seasons but the first is judged twice: alone, before its games, and as the morning's build has it, with the date
before it, whose results are in now. All rows are sound: whatever fails is a false refusal. Prints these, each gate's
worst figure as a share of its limit, and as the last line one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from contracts.database import open_database
from contracts.feature_set import FeatureSet
from contracts.settings import Settings, load_settings
from features.builders.slate import team_schedule
from features.feature_sets import load_feature_set
from features.quality.gates import judge
from features.quality.reference import find_references
from features.quality.slates import slates
from features.quality.verdict import Verdict
from features.raw.facts import read_raw
from features.table.builds import FEATURE_STORE
from features.table.rows import read_rows


@dataclass
class Found:
    """Verdicts so far: how many, which tests failed, and each gate's figure nearest to its limit."""

    n: int = 0
    refused: list[str] = field(default_factory=list)
    worst: dict[str, tuple[float, str]] = field(default_factory=dict)

    def add(self, day: date, moment: str, verdict: Verdict) -> None:
        """Count one verdict."""
        self.n += 1
        self.refused += [f"{day} {moment}: {test}" for test in verdict.failures]
        for test in verdict.tests:
            if test.figure is None or not test.limit:
                continue
            is_floor = test.name in FLOORS
            share = test.limit / max(test.figure, 1e-9) if is_floor else test.figure / test.limit
            if share > self.worst.get(test.name, (0.0, ""))[0]:
                self.worst[test.name] = share, f"{test.figure:.3g} of {test.limit:.3g}, {day} {moment}"


FLOORS = ("rows_per_team", "expected_per_team", "played_expected", "expected_played", "active_share", "distinct")
"""Gates whose figure must reach the limit."""


def main() -> None:
    """Print what was refused and how near the others came."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gates_day_by_day", description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--feature-set", default="v2_33features")
    asked = parser.parse_args()
    engine = open_database(f"sqlite:///{asked.home / 'tipoff.db'}")
    found = Found()
    for day, moment, verdict in judged_days(engine, load_feature_set(asked.feature_set), load_settings()):
        found.add(day, moment, verdict)
    print("\n".join(found.refused))
    for name, (share, told) in sorted(found.worst.items(), key=lambda item: -item[1][0]):
        print(f"{name:>20} {share:6.1%}  {told}")
    print(json.dumps({"verdicts": found.n, "refused": len(found.refused)}))


def judged_days(engine: sa.Engine, feature_set: FeatureSet, settings: Settings) -> Iterator[tuple[date, str, Verdict]]:
    """Each date's verdicts: alone, and as the morning builds it, with the date before it that has results now."""
    every = read_rows(engine, feature_set)
    with engine.connect() as connection:
        schedule = team_schedule(read_raw(connection), settings.features)
    later = every.filter(pl.col("season") > pl.col("season").min())
    days = later["game_date"].unique().sort().to_list()
    for place, day in enumerate(days):
        rows = every.filter(pl.col("game_date") == day, "is_expected").with_columns(state=pl.lit("scheduled"))
        known = schedule.with_columns(has_results=pl.col("game_date") < day)
        yield day, "alone", _verdict(engine, feature_set, settings, rows, known, [day])
        if place:
            before = every.filter(pl.col("game_date") == days[place - 1])
            both = pl.concat([before, rows])
            yield day, "of the morning", _verdict(engine, feature_set, settings, both, known, [days[place - 1], day])


def _verdict(
    engine: sa.Engine,
    feature_set: FeatureSet,
    settings: Settings,
    rows: pl.DataFrame,
    schedule: pl.DataFrame,
    dates: list[date],
) -> Verdict:
    slate = slates(rows, schedule, dates, settings.features.expected_days)
    with engine.connect() as connection:
        references = find_references(connection, feature_set, rows, settings.quality, before=dates[0])
    return judge({FEATURE_STORE: rows}, feature_set, settings.quality, references, slate)


if __name__ == "__main__":
    main()
