"""Units of work, one builder and game date each: what is expected, what is done, what is stale."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
import sqlalchemy as sa

from contracts import clock
from contracts.database import read_frame
from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from contracts.tables import build_dates, build_units, builds, games
from features.builders.compute import BUILDERS
from features.raw.facts import RawFacts, read_raw
from features.table.builds import code_hash
from features.table.inputs import DayFacts, day_facts, inputs_hashes
from features.table.raw_mark import recall
from features.table.row_counts import Miscount, find_miscounts

Unit = tuple[str, date]
"""A builder and a game date."""


@dataclass(frozen=True)
class Standing:
    """How the units of a feature set stand against what they would be now.

    expected: every game date with its inputs hash. done: units whose inputs, code and definitions are what they would
    be now. stale: units of expected dates that are not. vanished: dates with units on which no game is expected any
    more. unfinished: dates whose units were written after the newest finished build, by one that never got done;
    `done` may hold them, the newest finished build does not. miscounts: units whose rows are not as many as were
    written; they are stale. facts: what is known, kind by kind and date by date.
    """

    expected: Mapping[date, str]
    done: frozenset[Unit]
    stale: frozenset[Unit]
    vanished: frozenset[date]
    unfinished: frozenset[date]
    miscounts: Sequence[Miscount]
    facts: Sequence[DayFacts]

    @property
    def to_do(self) -> list[date]:
        """The expected dates of which a unit is missing or stale, in order."""
        return [day for day in self.expected if any((builder, day) not in self.done for builder in BUILDERS)]


def standing(connection: sa.Connection, raw: RawFacts, feature_set: FeatureSet, settings: Settings) -> Standing:
    """How the units of `feature_set` stand, given everything raw."""
    facts = day_facts(raw, settings.features)
    expected = inputs_hashes(raw, feature_set, settings.features, facts)
    return standing_against(connection, raw.games, feature_set, expected, facts)


def standing_against(
    connection: sa.Connection,
    games: pl.DataFrame,
    feature_set: FeatureSet,
    expected: Mapping[date, str],
    facts: Sequence[DayFacts],
) -> Standing:
    """The same, given what is expected: the inputs hash of each game date."""
    units = read_frame(connection, sa.select(build_units).where(build_units.c.feature_set == feature_set.name))
    newest = connection.execute(
        sa.select(sa.func.max(builds.c.build_id)).where(
            builds.c.state == "done", builds.c.feature_set == feature_set.name
        )
    ).scalar()
    written: dict[Unit, tuple[str, str, str]] = {
        (row["builder"], row["game_date"]): (row["inputs_hash"], row["code_hash"], row["feature_set_hash"])
        for row in units.iter_rows(named=True)
    }
    current = {unit for unit in written if unit[1] in expected}
    made_by = (code_hash(), feature_set.hash)
    done = {unit for unit in current if written[unit] == (expected[unit[1]], *made_by)}
    miscounts = find_miscounts(connection, feature_set, games, units.filter(pl.col("game_date").is_in(list(expected))))
    done -= {(each.builder, each.game_date) for each in miscounts}
    return Standing(
        expected=expected,
        done=frozenset(done),
        stale=frozenset(current - done),
        vanished=frozenset(day for _, day in written if day not in expected),
        unfinished=frozenset(units.filter(units["build_id"] > (newest or 0))["game_date"].to_list()),
        miscounts=miscounts,
        facts=facts,
    )


def stale_dates(engine: sa.Engine, feature_set: FeatureSet, settings: Settings) -> list[date]:
    """The dates whose rows in the newest finished build are not what they would be now, in order.

    Other inputs, other code or other definitions made them, rows of them are gone, a build that never got done has
    written them anew, or no game is expected on them any more. A date that the newest finished build does not have is
    not among them: it has no rows, whoever is at building them. Raw facts are read only where they have changed
    since the last backfill (features.table.raw_mark).
    """
    with engine.connect() as connection:
        found = _standing_now(connection, feature_set, settings)
        built = _built_dates(connection, feature_set) if found.unfinished else set()
    return sorted({day for _, day in found.stale} | found.vanished | (found.unfinished & built))


def _standing_now(connection: sa.Connection, feature_set: FeatureSet, settings: Settings) -> Standing:
    expected = recall(connection, feature_set, settings.features)
    if expected is None:
        return standing(connection, read_raw(connection), feature_set, settings)
    dated = read_frame(connection, sa.select(games.c.game_id, games.c.game_date))
    return standing_against(connection, dated, feature_set, expected, facts=())


def _built_dates(connection: sa.Connection, feature_set: FeatureSet) -> set[date]:
    """Every date that a finished build of the set has ever built."""
    finished = sa.select(builds.c.build_id).where(builds.c.feature_set == feature_set.name, builds.c.state == "done")
    return set(
        connection.execute(sa.select(build_dates.c.game_date).where(build_dates.c.build_id.in_(finished))).scalars()
    )


def write_units(
    connection: sa.Connection,
    feature_set: FeatureSet,
    build_id: int,
    hashes: Mapping[date, str],
    n_rows: Mapping[Unit, int],
) -> None:
    """Record the units of `n_rows` (unit -> rows) as done by `build_id` with the inputs hashes of their dates."""
    dates = {day for _, day in n_rows}
    delete_units(connection, feature_set, dates)
    if not n_rows:
        return
    same = {
        "feature_set": feature_set.name,
        "build_id": build_id,
        "code_hash": code_hash(),
        "feature_set_hash": feature_set.hash,
        "done_at": clock.now(),
    }
    rows = [
        {"builder": builder, "game_date": day, "inputs_hash": hashes[day], "n_rows": n, **same}
        for (builder, day), n in n_rows.items()
    ]
    connection.execute(sa.insert(build_units), rows)
    history = [{"build_id": build_id, "game_date": day, "inputs_hash": hashes[day]} for day in sorted(dates)]
    connection.execute(sa.insert(build_dates), history)


def delete_units(connection: sa.Connection, feature_set: FeatureSet, dates: Collection[date]) -> None:
    """Forget the units of `dates`."""
    connection.execute(
        sa.delete(build_units).where(build_units.c.feature_set == feature_set.name, build_units.c.game_date.in_(dates))
    )
